"""Evaluation of a model on recorded drives, frame by frame, and comparison of two such evaluations."""
