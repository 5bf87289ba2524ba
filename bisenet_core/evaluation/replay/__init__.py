"""Replay evaluation: recorded drives in, a verdict with pictures out."""
