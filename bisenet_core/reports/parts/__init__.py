"""What reports in HTML are made of: one file, no script, nothing fetched from elsewhere."""
