"""`make gpu-check`: measure the networks on a GPU, in sections that each run in a process of their own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # what holds bisenet_core
