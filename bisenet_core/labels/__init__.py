"""Label images: their classes and colours, how they compare with ground truth, and the free space in them."""
