"""Processes that put the real node under load, for `bisenet_ros.benchmark` and `bisenet_ros.soak`.

Workstation code, for Python 3.10 and newer: nothing that runs on a robot imports it.
"""
