"""Run the demo, or a script that loads the node, on a ROS domain of its own, which reaches no robot."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from typing import MutableMapping

from bisenet_core.errors import InputError
from bisenet_ros.dds_profile import older_than, use_large_image_profile


def isolate(environment: MutableMapping[str, str]) -> None:
    """Keep a tool's ROS to this machine and to itself, whatever the user's settings are.

    A robot may be driving on the user's domain: nothing that a tool publishes may get there.
    """
    taken = environment.get("ROS_DOMAIN_ID", "")
    # Domains above 101 collide with the ports that Linux hands out itself.
    first = os.getpid() % 101 + 1
    environment["ROS_DOMAIN_ID"] = str(first % 101 + 1 if taken.strip() == str(first) else first)
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if older_than("iron", environment):  # which knows no range; newer ones call this variable deprecated
        environment["ROS_LOCALHOST_ONLY"] = "1"
    else:
        environment.pop("ROS_LOCALHOST_ONLY", None)
    for way_out in ("ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER"):
        environment.pop(way_out, None)


def let_large_images_through(environment: MutableMapping[str, str], who: str = "demo") -> None:
    """Have Fast DDS use the profile for large images, or print in one line why it cannot."""
    why_not = use_large_image_profile(environment)
    if why_not:
        print("{}: {}".format(who, why_not))


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
