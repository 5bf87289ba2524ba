"""The real node as a process, what sends it images, and what listens to its labels and diagnostics.

`bisenet_ros.demo`, `bisenet_ros.replay` and scripts/node_load are built of it. Workstation code, for Python
3.10 and newer: nothing that runs on a robot imports it.
"""
