"""Real-time semantic segmentation: networks, training, deployment and runtime. Imports no ROS."""

__version__ = "0.1.0"
