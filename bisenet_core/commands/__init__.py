"""The commands of `bisenet`, one per file."""
