"""Read YAML of strangers: plain values within bounds of size, depth and length of numbers."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from bisenet_core.files import read_text, refuse_nesting

_LONGEST_NUMBER = 40  # characters: one to the base 60, which YAML knows, takes the square of its length
_MOST_NODES, _MOST_BYTES = 100_000, 1 << 22  # what is read within seconds


class _Loader(yaml.SafeLoader):
    """Refuses aliases, by which a few bytes stand for lists without end, numbers without end, and keys that
    occur twice, of which YAML would drop the first without a word."""

    nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes += 1
        if self.nodes > _MOST_NODES or self.check_event(yaml.AliasEvent):
            raise ValueError(f"it has an alias (*NAME) or more than {_MOST_NODES} values; write values out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        for name, times in Counter(key.value for key in keys if isinstance(key.value, str)).items():
            if times > 1:
                raise ValueError(f"the key {name!r} occurs {times} times{node.start_mark}")
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: Any) -> Any:
        return super().construct_yaml_int(_short(node))

    def construct_yaml_float(self, node: Any) -> Any:
        return super().construct_yaml_float(_short(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises OSError, and ValueError for whatever else is wrong with it."""
    return parse_yaml(read_text(path, _MOST_BYTES))


def parse_yaml(text: str) -> Any:
    """The value that a text of YAML stands for. Raises ValueError."""
    try:
        content = yaml.load(text, _Loader)
    except Exception as error:  # also RecursionError, and what its constructors raise at odd values
        raise ValueError(str(error) or type(error).__name__) from None
    refuse_nesting(content)
    return content


def _short(node: Any) -> Any:
    if len(str(node.value)) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(node.value)} characters")
    return node
