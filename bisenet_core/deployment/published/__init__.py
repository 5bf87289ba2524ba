"""Checkpoints that others have published -> model folders. Needs torch and onnx."""
