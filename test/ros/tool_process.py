"""Runs one of the node's tools, such as `bisenet_ros.benchmark`, as a user does."""

import os
import subprocess
import sys

from node_harness import ROOT


def run_tool(module, folder, *arguments):
    """Exit status, stdout and stderr."""
    with start_tool(module, folder, *arguments) as tool:
        out, errors = tool.communicate(timeout=240)
    return tool.returncode, out, errors


def start_tool(module, folder, *arguments):
    """The running process, with pipes for stdout and stderr."""
    environment = dict(os.environ, ROS_LOG_DIR=str(folder / "ros_log"), COLUMNS="120",
                       PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)], cwd=str(folder), env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
