"""The main job, end to end: `python -m bisenet_ros.demo` plays a drive through the real node.

Workstation code, for Python 3.10 and newer: nothing that runs on a robot imports it.
"""
