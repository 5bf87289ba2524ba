"""Measure how long a frame takes, here and in the usual ways of running the same network."""
