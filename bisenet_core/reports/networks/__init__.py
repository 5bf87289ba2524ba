"""The networks side by side: what was published and measured of each, drawn."""
