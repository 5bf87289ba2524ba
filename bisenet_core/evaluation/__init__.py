"""Recorded drives: what a drive is read from, how it is scored and how it is shown. No torch, no ROS."""
