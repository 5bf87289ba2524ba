"""Frames with their stamps and ground truth: bags, folders, videos and the rendered street."""
