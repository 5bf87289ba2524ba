"""The launch files' arguments: every parameter of the nodes, and what launch itself needs.

They come from the nodes' tables of parameters, so that none is forgotten. Nothing here needs launch.
"""

import os
import sys
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from bisenet_core.errors import InputError, suggest
from bisenet_ros.parameter_files import cameras_in
from bisenet_ros.parameters import PARAMETERS, ParameterSpec

#: The camera's topic, unless another is given.
IMAGE = "/camera/image_raw"
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")

_SWITCH = {"true": True, "1": True, "yes": True, "on": True,
           "false": False, "0": False, "no": False, "off": False}
# What launch reads of any launch file's arguments.
_OF_LAUNCH = ("launch-prefix", "launch-prefix-filter", "sigterm_timeout", "sigkill_timeout", "emulate_tty")


def describe(spec: ParameterSpec) -> str:
    """What `ros2 launch --show-args` says of a parameter."""
    return spec.description + ("" if spec.low is None else f" From {spec.low:g} to {spec.high:g}.")


#: Of segmentation.launch.py: name -> default and description. Those left empty are the parameter file's.
ARGUMENTS: Dict[str, Tuple[str, str]] = {
    "image": ("", f"The camera's image topic, by default {IMAGE}; with `cameras` one for each of them, as in "
                  "/a/image_raw,/b/image_raw."),
    "namespace": ("", "Namespace of the node and its topics."),
    "params_file": ("", "Parameters of the node."),
    "overlay": ("false", "true shows the overlay, of each of `cameras`, in rqt_image_view, where that is "
                         "installed."),
    "use_sim_time": ("", "true goes by /clock."),
    "log_level": ("", "Of the node: {}.".format(", ".join(LOG_LEVELS))),
    **{spec.name: ("", describe(spec)) for spec in PARAMETERS},
}


def parameter_values(given: Mapping[str, str], specs: Iterable[ParameterSpec]) -> Dict[str, Any]:
    """The parameters for which there is a text, each as a value of its type. Raises InputError."""
    return {spec.name: _value(spec, given[spec.name]) for spec in specs if given[spec.name]}


def refuse_unknown_arguments(launch_file: str, known: Iterable[str],
                             command_line: Optional[Sequence[str]] = None) -> None:
    """Raise InputError where `ros2 launch` was given a ``name:=value`` whose name nobody declares.

    Only where its command line, by default this process's, names ``launch_file`` itself. A launch file that
    includes it may have arguments of its own, which reach it too; launch does not tell them apart.
    """
    words = sys.argv if command_line is None else command_line
    if not any(_names(word, launch_file, words) for word in words):
        return
    known = list(known)
    names = [word.split(":=")[0] for word in words if ":=" in word]
    unknown = [name for name in names if name not in known and name not in _OF_LAUNCH]
    if unknown:
        raise InputError("; ".join("{}:= is no argument of {}: {}".format(
            name, os.path.basename(launch_file), suggest(name, known, "--show-args lists them"))
            for name in unknown))


def names_in(text: str) -> List[str]:
    """Names between commas, with or without a list's brackets and quotes."""
    return [name for name in (part.strip(" '\"") for part in text.strip("[] ").split(",")) if name]


def camera_names(given: Mapping[str, str], pushed_namespace: str) -> List[str]:
    """`cameras` of the arguments, or else of the parameter file, for the node in its namespace."""
    node = os.path.join("/", pushed_namespace, given["namespace"], "segmentation")
    return names_in(given["cameras"] or cameras_in(given["params_file"], node))


def switch(name: str, text: str) -> bool:
    """True or false. Raises InputError for anything else."""
    if text.lower() not in _SWITCH:
        raise InputError(f"{name}:={text}: expected true or false")
    return _SWITCH[text.lower()]


def _value(spec: ParameterSpec, text: str) -> Any:
    kind = type(spec.default)
    if kind is tuple:
        return names_in(text) or [""]  # an empty list has no type in ROS
    if kind is bool:
        return switch(spec.name, text)
    try:
        return kind(text)
    except ValueError:
        raise InputError("{}:={}: expected a {}number".format(
            spec.name, text, "whole " if kind is int else "")) from None


def _names(word: str, launch_file: str, words: Sequence[str]) -> bool:
    """Whether ``word`` is the launch file, by its path or, after its package, by its name."""
    if word == os.path.basename(launch_file) and "bisenet_ros" in words:
        return True
    return os.path.isfile(word) and os.path.samefile(word, launch_file)
