"""The figures that labels are judged by, one metric per file."""
