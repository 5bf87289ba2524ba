"""A recorded drive played into the running node, and what comes back, scored."""
