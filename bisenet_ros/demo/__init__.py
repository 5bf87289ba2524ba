"""Play a drive through the real node, end to end: `python -m bisenet_ros.demo`.

Workstation code, for Python 3.10 and newer: nothing that runs on a robot imports it.
"""
