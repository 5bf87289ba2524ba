"""Seeing a run: logs, progress, and the report in one HTML file at its end."""
