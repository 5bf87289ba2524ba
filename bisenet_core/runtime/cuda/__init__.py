"""CUDA kernels for pre- and post-processing, and the code that compiles and launches them."""
