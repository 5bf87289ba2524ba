"""`make gpu-check`: measure the networks on a GPU, in sections that each run in a process of their own."""
