"""Export checkpoints, our own and published ones, to model folders. Needs torch and onnx to do so."""
