"""Read parameter files by lines; find those without a section for the node, which ROS ignores in silence."""

import re
import sys
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from bisenet_core.errors import InputError, printable

_KEY = re.compile(r"""( *)(['"]?)([^'"#:\s][^'"#:]*)\2 *:(?:\s|$)""")
_LIST = re.compile(r":[ \t]*\[[^][#]*\]")  # which may go over lines
_IN_BRACES = re.compile(r"""[{,]\s*['"]?cameras['"]?\s*:""")
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
    return [_section(keys[:-1]) for keys, _ in _lines(path) if keys[-1] == _MARK]


def cameras_in(path: str, node_name: str) -> str:
    """`cameras` of a parameter file for a node, names between commas, found as ``section_names`` finds.

    Raises InputError where they stand in braces.
    """
    of_node: Dict[str, List[str]] = {}
    for keys, text in _lines(path):
        if keys[-2:] == [_MARK, "cameras"] and matches(_section(keys[:-2]), node_name):
            of_node.setdefault(_section(keys[:-2]), []).append(text.split("#")[0].strip(" []"))
    if not of_node and _IN_BRACES.search(_text(path)):
        raise InputError(f"{path} has `cameras` in braces, where they are not found: write it on a line of "
                         "its own, or give the launch argument")
    return ",".join(list(of_node.values())[-1]) if of_node else ""


def _lines(path: str) -> Iterator[Tuple[List[str], str]]:
    """Keys, each below the one before, and the text behind the last; that of a list's items one by one."""
    above: List[Any] = []  # indentation and key of the lines that this one lies below, and its own
    for line in _LIST.sub(lambda found: " ".join(found.group().split()), _text(path)).splitlines():
        found = _KEY.match(line)
        if found:
            indentation, _, key = found.groups()
            above = [one for one in above if one[0] < len(indentation)] + [(len(indentation), key.strip())]
        if found or (above and line.lstrip().startswith("- ")):
            yield [one[1] for one in above], line[found.end():] if found else line.lstrip()[2:]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeError):
        return ""


def _section(keys: Sequence[str]) -> str:
    return "/" + "/".join(key.strip("/ ") for key in keys)


def matches(section: str, node_name: str) -> bool:
    """Whether a section such as "/front/segmentation", "/*/segmentation" or "/**" is for a node.

    As ROS has it, "*" stands for one part of the name and "**" for any number of them.
    """
    parts = [{"**": "(?:/[^/]+)*", "*": "/[^/]+"}.get(part, "/" + re.escape(part))
             for part in section.split("/")[1:]]
    return re.fullmatch("".join(parts), node_name) is not None


def _files(arguments: Sequence[str]) -> List[str]:
    return [path for option, path in zip(arguments, arguments[1:]) if option == "--params-file"]
