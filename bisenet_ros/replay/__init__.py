"""Play a recorded drive into the running node, and score the labels that come back."""
