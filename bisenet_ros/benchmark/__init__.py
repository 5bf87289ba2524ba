"""Camera, node and planner, a process each, and the time between: `python -m bisenet_ros.benchmark`.

Workstation code, for Python 3.10 and newer: nothing that runs on a robot imports it.
"""
