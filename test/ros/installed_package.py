"""The package as pip or colcon install it, in a folder of its own."""

import os
import shutil
import subprocess
import sys

from node_harness import ROOT

_NOT_INSTALLED = (".*", "build", "*.egg-info", "__pycache__", "docs", "test", "training")


def install(folder):
    """Install this checkout below ``folder``, offline; returns the variables with which ROS finds it."""
    source = folder / "source"  # a copy, since setuptools writes beside what it builds
    shutil.copytree(str(ROOT), str(source), ignore=shutil.ignore_patterns(*_NOT_INSTALLED))
    command = os.path.join(os.path.dirname(sys.executable), "bisenet")
    was_there = os.path.exists(command)
    # --ignore-installed: pip would else remove this environment's own installation, and `bisenet` with it
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
                    "--no-build-isolation", "--ignore-installed", "--prefix",
                    str(folder / "prefix"), str(source)], check=True)
    assert os.path.exists(command) == was_there, "this environment's own installation is another one now"
    # below prefix/, or in Debian's Python below prefix/local/
    marker, = (folder / "prefix").rglob("resource_index/packages/bisenet_ros")
    module, = (folder / "prefix").rglob("bisenet_ros/segmentation_node.py")
    before = {"AMENT_PREFIX_PATH": marker.parents[4], "PYTHONPATH": module.parents[1],
              "PATH": os.path.dirname(sys.executable)}
    return {name: os.pathsep.join(filter(None, [str(first), os.environ.get(name)]))
            for name, first in before.items()}
