"""How good labels are: metrics, a model's scores on a data set, and the evaluation of recorded drives."""
