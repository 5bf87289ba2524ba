"""Read a kernel from PTX, the text that nvcc and NVRTC make: instructions, labels, shared memory."""

import re
from typing import NamedTuple, Optional

_ENTRY = r"\.entry\s+{}\s*\((?P<parameters>[^)]*)\)(?P<head>[^{{]*)\{{\n(?P<body>.*?)\n\}}"
_STATIC = re.compile(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+([\w$]+)\[(\d+)\]")
_DYNAMIC = re.compile(r"\.extern\s+\.shared\s+\.align\s+\d+\s+\.b8\s+([\w$]+)\[\]")
_OPERAND = re.compile(r"\{[^}]*\}|\[[^\]]*\]|[^\s,;]+")
_STATEMENT = re.compile(r"(?:@(!?)(%\w+)\s+)?([a-z][\w.]*)\s*([^;]*);")


class Instruction(NamedTuple):
    """``@guard opcode operands``; the opcode is split at its points, its last part mostly a type."""

    guard: Optional[str]   # a predicate register, or None
    negated: bool
    opcode: tuple
    operands: tuple
    text: str


class Program:
    """One kernel: ``code``, and ``labels`` that give an instruction's number."""

    def __init__(self, ptx, name):
        ptx = re.sub(r"//[^\n]*", "", ptx)
        found = re.search(_ENTRY.format(name), ptx, re.DOTALL)
        self.parameters = re.findall(r"\.param\s+\.(\w+)\s+(?:\.[^,]*\s)?(\w+)", found["parameters"])
        self.code, self.labels = [], {}
        for line in found["body"].split("\n"):
            self._read(line.strip())
        self.shared, self.static_bytes = _place(_STATIC.findall(found["body"]))
        self.shared.update((name, self.static_bytes) for name in _DYNAMIC.findall(ptx))

    def _read(self, line):
        label = re.fullmatch(r"([$\w]+):", line)
        if label:
            self.labels[label[1]] = len(self.code)
        elif line and not line.startswith("."):
            negated, guard, opcode, operands = _STATEMENT.search(line).groups()  # asm is in braces
            self.code.append(Instruction(
                guard, negated == "!", tuple(opcode.split(".")), tuple(_OPERAND.findall(operands)), line))


def _place(arrays):
    """Offset of each static array of shared memory, and the bytes of all, a multiple of 16."""
    offsets, end = {}, 0
    for alignment, name, size in arrays:
        start = -(-end // int(alignment)) * int(alignment)
        offsets[name], end = start, start + int(size)
    return offsets, -(-end // 16) * 16
