"""The segmentation node as it runs where rclpy has no EventsExecutor, for `executors.py` to compare with."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bisenet_ros import peers, segmentation_node

peers.EventsExecutor = None
sys.exit(segmentation_node.main())
