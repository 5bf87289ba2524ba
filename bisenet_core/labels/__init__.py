"""What a class id means, and what a label image tells: label spaces, palettes, confidence, free space."""
