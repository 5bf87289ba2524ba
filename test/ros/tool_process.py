"""Runs the node's tools, such as `bisenet_ros.demo`, as a user does."""

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from unittest import mock

from node_harness import ROOT


def call_tool(module, folder, *arguments):
    """Run a tool in this process, which spares its start; returns its exit status, stdout and stderr."""
    out, errors, before = io.StringIO(), io.StringIO(), (os.getcwd(), signal.getsignal(signal.SIGTERM))
    os.chdir(folder)
    try:
        with redirect_stdout(out), redirect_stderr(errors), mock.patch.dict(os.environ, _variables(folder)):
            status = import_module(module + ".__main__").main([str(one) for one in arguments])
    except SystemExit as exit_:  # argparse's
        status = exit_.code
    finally:
        os.chdir(before[0])
        signal.signal(signal.SIGTERM, before[1])
    return status, out.getvalue(), errors.getvalue()


def start_tool(module, folder, *arguments):
    """The running process of a module, or of a path such as a script; stdout and stderr are pipes."""
    tool = [str(module)] if isinstance(module, Path) else ["-m", module]
    return subprocess.Popen(
        [sys.executable, *tool, *map(str, arguments)], cwd=str(folder),
        env=dict(os.environ, **_variables(folder)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _variables(folder):
    return {"ROS_LOG_DIR": str(folder / "ros_log"), "COLUMNS": "120",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
