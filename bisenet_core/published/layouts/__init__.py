"""How public code bases name the tensors of the networks: one file per family."""
