"""The report of a replay evaluation: one HTML file with its figures, charts and pictures inside."""
