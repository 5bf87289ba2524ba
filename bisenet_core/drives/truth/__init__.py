"""Ground-truth labels of recorded frames, from a folder of images or a topic of the bag."""
