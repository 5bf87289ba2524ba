"""Run the node for hours, with a camera that overloads it and restarts: `python -m bisenet_ros.soak`.

Workstation code, for Python 3.10 and newer: nothing that runs on a robot imports it.
"""
