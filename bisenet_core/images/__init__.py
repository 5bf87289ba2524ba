"""A camera's bytes as an array: raw formats and compressed images."""
