"""Recorded drives: frames with stamps and ground truth, from bags, folders and videos, or rendered."""
