"""`make gpu-check`: what a GPU makes of the networks, in sections that each run in a process of their own."""
