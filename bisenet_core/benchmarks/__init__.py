"""How long a frame takes, beside the usual ways of running the same network."""
