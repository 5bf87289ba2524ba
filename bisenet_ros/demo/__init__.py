"""Play a drive through the real node, end to end: `python -m bisenet_ros.demo`."""
