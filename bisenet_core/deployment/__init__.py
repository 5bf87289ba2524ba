"""A checkpoint in, ours or a published one; a model folder out. What computes needs torch and onnx."""
