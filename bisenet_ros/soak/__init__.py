"""Hours under an overloading camera that restarts, with failing images: `python -m bisenet_ros.soak`.

Workstation code, for Python 3.10 and newer: nothing that runs on a robot imports it.
"""
