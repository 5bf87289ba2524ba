"""Run the demo, or a script that loads the node: errors, exit status and shared options."""

import argparse
import os
import signal
import sys
from collections.abc import Callable

from bisenet_core.errors import InputError
from bisenet_ros.harness.isolation import isolate

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def run_tool(name: str, run: Callable[[], int]) -> int:
    """Run a tool on a ROS domain of its own; an error is one line on stderr.

    Exit status: what ``run`` returns; 2 where it raises InputError; 130 after Ctrl-C or SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `timeout` and CI then stop it as Ctrl-C does
    isolate(os.environ)
    try:
        return run()
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --backend and --precision, with the node's own defaults."""
    parser.add_argument("--model", default="camvid_bisenetv2", help="a folder or name (default: %(default)s)")
    parser.add_argument("--backend", default="auto", help="auto, tensorrt, openvino or onnxruntime")
    parser.add_argument("--precision", default="auto",
                        help="auto, fp32; fp16 on a GPU; bf16 on a CPU; int8 where the model has it")
