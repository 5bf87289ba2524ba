"""TensorRT engines: built from a model folder, kept for the next start. TensorRT is handed in as a module."""
