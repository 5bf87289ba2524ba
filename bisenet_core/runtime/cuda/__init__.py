"""CUDA: kernels for pre- and post-processing, and the little that launches them."""
