"""The commands of `bisenet`."""
