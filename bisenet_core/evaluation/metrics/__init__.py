"""Metrics of labels, one per file."""
