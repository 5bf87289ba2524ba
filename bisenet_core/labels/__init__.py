"""Label images: their classes and colours, and how they compare with ground truth."""
