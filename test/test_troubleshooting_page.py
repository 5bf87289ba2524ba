"""docs/troubleshooting.md quotes messages that the code can print: they stand behind "> ", values as <x>."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
FOLDERS = ("bisenet_core", "bisenet_ros", "launch")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

#: Stands for a value; of a message it splits what is always the same.
VALUE = "\0"


def quoted(page):
    """The messages of a page."""
    return [line[2:] for line in page.splitlines() if line.startswith("> ")]


def parts(message):
    """What is the same whenever a message is printed; clauses may come from several places of the code."""
    return [part for part in re.split(r"<[^<>]*>|(?<=[:;]) ", message) if part.strip(" ;:,.'()")]


def template(node):
    """The text of a string expression with VALUE for what is filled in, or None for another expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{[^{}]*\}|%[sd]", VALUE, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(value.value if isinstance(value, ast.Constant) else VALUE for value in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template(node.left), template(node.right)
        return None if left is None and right is None else (left or VALUE) + (right or VALUE)
    return None


@pytest.fixture(scope="module")
def templates():
    """All texts that the code may print, in one."""
    trees = [ast.parse(path.read_text()) for path in SOURCES]
    found = [template(node) for tree in trees for node in ast.walk(tree)]
    return "\n".join(text for text in found if text)


def unknown(page, templates):
    return [message for message in quoted(page) if any(part not in templates for part in parts(message))]


def test_the_code_can_print_every_message(templates):
    assert len(quoted(PAGE.read_text())) > 30
    assert unknown(PAGE.read_text(), templates) == []


def test_a_message_that_was_changed_is_found(templates):
    page = "> no image on <topic> for <n> s: nobody publishes it\n> model '<name>' not found\n"
    assert unknown(page, templates) == ["no image on <topic> for <n> s: nobody publishes it"]
