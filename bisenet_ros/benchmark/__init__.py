"""Camera and node, a process each, and the time from image to labels: `python -m bisenet_ros.benchmark`.

Workstation code, for Python 3.10 and newer: nothing that runs on a robot imports it.
"""
