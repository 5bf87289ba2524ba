"""Find parameter files on the command line that have no section for the node: ROS ignores them in silence."""

import re
import sys
from typing import Any, List, Optional, Sequence

from bisenet_core.errors import printable

_KEY = re.compile(r"""( *)(['"]?)([^'"#:\s][^'"#:]*)\2 *:(?:\s|$)""")
_MARK = "ros__parameters"


def warn_of_unmatched_files(node: Any, arguments: Optional[Sequence[str]] = None) -> None:
    """Log a warning for each file given by --params-file of which no section is for ``node``.

    ``arguments``: the command line, by default this process's.
    """
    name = node.get_namespace().rstrip("/") + "/" + node.get_name()
    for path in _files(sys.argv if arguments is None else arguments):
        sections = section_names(path)
        if sections and not any(matches(section, name) for section in sections):
            node.get_logger().warning(printable(
                "no section of {} is for this node, {}, so nothing in it is used: it has {}; call one {} "
                "or /**".format(path, name, ", ".join(sections)[:200], name)))


def section_names(path: str) -> List[str]:
    """The names of nodes in a parameter file, as they stand there but for a "/" before each.

    Found by lines and indentation; in what cannot be read or is written in another style there are none.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeError):
        return []
    names: List[str] = []
    above: List[Any] = []  # indentation and key of the lines that this one lies below
    for indentation, _, key in (found.groups() for found in map(_KEY.match, lines) if found):
        above = [one for one in above if one[0] < len(indentation)]
        if key.strip() == _MARK:
            names.append("/" + "/".join(one[1].strip("/ ") for one in above))
        above.append((len(indentation), key))
    return names


def matches(section: str, node_name: str) -> bool:
    """Whether a section such as "/front/segmentation", "/*/segmentation" or "/**" is for a node.

    As ROS has it, "*" stands for one part of the name and "**" for any number of them.
    """
    parts = [{"**": "(?:/[^/]+)*", "*": "/[^/]+"}.get(part, "/" + re.escape(part))
             for part in section.split("/")[1:]]
    return re.fullmatch("".join(parts), node_name) is not None


def _files(arguments: Sequence[str]) -> List[str]:
    return [path for option, path in zip(arguments, arguments[1:]) if option == "--params-file"]
