"""Real-time semantic segmentation: networks, training, deployment and runtime. Imports no ROS."""

import os

# OpenCV reads it when it is loaded, and would decode a file of 1 MB to a picture of 3 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 27))

__version__ = "0.1.0"
