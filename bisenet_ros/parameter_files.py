"""Read parameter files by section, and find those without one for the node: ROS ignores them in silence."""

import re
import sys
from typing import Any, Iterator, List, Optional, Sequence, Tuple

import yaml

from bisenet_core.errors import printable

_MARK = "ros__parameters"


def warn_of_unmatched_files(node: Any, arguments: Optional[Sequence[str]] = None) -> None:
    """Log a warning for each file given by --params-file of which no section is for ``node``.

    ``arguments``: the command line, by default this process's.
    """
    name = node.get_namespace().rstrip("/") + "/" + node.get_name()
    for path in _files(sys.argv if arguments is None else arguments):
        names = [section for section, _ in sections(path)]
        if names and not any(matches(section, name) for section in names):
            node.get_logger().warning(printable(
                "no section of {} is for this node, {}, so nothing in it is used: it has {}; call one {} "
                "or /**".format(path, name, ", ".join(names)[:200], name)))


def sections(path: str) -> List[Tuple[str, Any]]:
    """A parameter file's names of nodes, as they stand there but for a "/" before each, with their values.

    In what cannot be read there are none: ROS itself says what is wrong with it.
    """
    try:
        with open(path, encoding="utf-8") as file:
            # Every value as its text: ROS takes 2024-13-45 for one, and launch writes tags of its own.
            return list(_sections(yaml.load(file, Loader=yaml.BaseLoader)))
    except (OSError, UnicodeError, yaml.YAMLError):
        return []


def _sections(content: Any, above: str = "") -> Iterator[Tuple[str, Any]]:
    for key, below in content.items() if isinstance(content, dict) else ():
        if key == _MARK:
            yield above, below
        else:
            yield from _sections(below, "{}/{}".format(above, str(key).strip("/ ")))


def matches(section: str, node_name: str) -> bool:
    """Whether a section such as "/front/segmentation", "/*/segmentation" or "/**" is for a node.

    As ROS has it, "*" stands for one part of the name and "**" for any number of them.
    """
    parts = [{"**": "(?:/[^/]+)*", "*": "/[^/]+"}.get(part, "/" + re.escape(part))
             for part in section.split("/")[1:]]
    return re.fullmatch("".join(parts), node_name) is not None


def _files(arguments: Sequence[str]) -> List[str]:
    return [path for option, path in zip(arguments, arguments[1:]) if option == "--params-file"]
