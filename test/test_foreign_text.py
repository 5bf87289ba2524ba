"""Names and texts that others have written command no terminal and forge no line, whichever way they come."""

import ast
import csv
import json
import logging
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from recorded_bags import Record, images, label_records, picture, write_bag

from bisenet_core.cli import main
from bisenet_core.errors import EvaluationError, InputError, PrintableFormatter, printable
from bisenet_core.evaluation.replay.frame_rows import COLUMNS, write_csv

ROOT = Path(__file__).resolve().parent.parent
#: Sets a window's title, begins a line that looks like a node's, writes from right to left.
EVIL = "a\x1b]0;title\x07\r\n[FATAL] forged\x9b2J\u202e"


def test_what_has_no_picture_is_escaped_and_lines_become_one():
    assert printable(EVIL) == "a\\x1b]0;title\\x07  [FATAL] forged\\x9b2J\\u202e"
    assert printable("Stra\u00dfe \u9053\u8def [x]") == "Stra\u00dfe \u9053\u8def [x]"
    assert printable(Path("a\udcff")) == "a\\udcff"  # a file's name that is no UTF-8 can be printed anywhere
    long = printable("cannot read " + "\x1b" * 10_000_000 + "; remove it")
    assert long.startswith("cannot read \\x1b") and long.endswith("; remove it") and 3990 < len(long) <= 4000
    assert printable("abcdefghij", 9) == "abc...hij"


@pytest.mark.parametrize("kind", [InputError, EvaluationError])
def test_errors_are_printable_whatever_is_in_them(kind):
    assert str(kind(f"cannot read {EVIL}")).isprintable() and str(kind()) == ""


def test_logged_lines_and_tracebacks_are_printable():
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        found = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "failed: %s", (EVIL,), found)
    lines = PrintableFormatter("node: %(message)s").format(record).split("\n")
    assert lines[0].startswith("node: failed: a\\x1b") and lines[1].startswith("Traceback")
    assert all(line.isprintable() for line in lines)


@pytest.fixture(scope="module")
def place(tmp_path_factory, write_model_folder):
    """Inputs of every kind under hostile names."""
    root = tmp_path_factory.mktemp("foreign")
    folder = root / EVIL
    folder.mkdir()
    (root / f"pictures{EVIL}").mkdir()
    (root / f"pictures{EVIL}" / f"{EVIL}.png").write_bytes(b"no image")
    cv2.imwrite(str(root / f"pictures{EVIL}" / "a.png"), picture(0))
    for ending in (".mp4", ".mcap", ".db3", ".bag", ".ckpt", ".yaml", ".json", ".mcap.zstd"):
        (folder / f"{EVIL}{ending}").write_bytes(b"\x1b[2J: nothing\n\x07 of the kind")
    (folder / "\udcff\udcfe").mkdir()
    topics = [images(2, topic=f"/{EVIL}"), images(2, topic="/other"), label_records(2, topic=f"/l{EVIL}")]
    write_bag(root / "bag", sum(topics, []))
    write_bag(root / "unread", [Record("/images", 1, picture(0), encoding=EVIL)])
    _write_own_data(root / "data")
    write_model_folder(root / "model", name=EVIL, licence=EVIL)
    (root / "broken").mkdir()
    shutil.copy(root / "model" / "model.onnx", root / "broken")
    card = json.loads((root / "model" / "model.json").read_text())
    (root / "broken" / "model.json").write_text(json.dumps({**card, EVIL: 1}))
    return root


def _write_own_data(root):
    for kind, pixels in (("images", picture(0)), ("labels", np.resize(np.uint8([0, 1]), (24, 32)))):
        for name in ("a", EVIL):
            (root / EVIL / kind).mkdir(parents=True, exist_ok=True)
            (root / EVIL / kind / f"{name}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (root / EVIL / "labels" / f"{EVIL}.png").write_bytes(b"no image")
    (root / "list.txt").write_text("\x1b[2J.png a b\n")
    (root / "train.txt").write_text("\x1b[2J\x07.png \x9b.png\n")
    colours = [{"id": i, "name": name, "color_rgb": [i] * 3} for i, name in enumerate(("a", EVIL))]
    (root / "classes.json").write_text(json.dumps({"name": EVIL, "classes": colours}))


def _commands(root):
    """(arguments, exit status)."""
    evil, model, bag, out = root / EVIL, root / "model", root / "bag", root / "out"
    segment, replay = ["segment", "--model", model, "-o", out], ["replay", "--model", model, "-o", out]
    yield [*segment, root / f"pictures{EVIL}"], 0
    for path in (evil / (EVIL + end) for end in (".mp4", ".mcap", ".db3", ".bag", ".mcap.zstd", ".x")):
        yield [*segment, path], 2
        yield [*replay, path], 2
    for path in (evil / "\udcff\udcfe", root / f"no{EVIL}"):
        yield [*segment, path], 2
    yield [*segment, bag], 0
    yield [*segment, bag, "--topic", f"/no{EVIL}"], 2
    yield [*replay, bag, "--topic", f"/no{EVIL}"], 2
    yield [*replay, bag, "--label-topic", f"/no{EVIL}"], 2
    yield [*replay, bag, "--labels", evil], 2
    yield [*replay[:-1], root / "scored", bag, "--label-topic", f"/l{EVIL}", "--topic", f"/{EVIL}"], 0
    yield [*replay[:-1], root / "none", root / "unread"], 2
    yield ["replay", "compare", evil, evil], 2
    yield ["segment", "--model", root / "broken", "--output", out, evil], 2
    yield ["segment", "--model", EVIL, "--output", out, evil], 2
    yield ["benchmark", "--model", model, "--backend", EVIL], 2
    yield ["evaluate", "--model", model, "--dataset", EVIL, "--root", evil, "--split", EVIL], 2
    yield ["data", "check", "--dataset", "folder", "--root", root / "data"], 2
    yield ["data", "check", "--dataset", "list", "--root", root / "data"], 2
    yield ["data", "check", "--dataset", "folder", "--root", root / "data", "--split", EVIL], 2
    yield ["train", "--config", evil / f"{EVIL}.yaml", "--root", evil, "--output", out], 2
    yield ["train", "--config", EVIL, "--root", evil, "--output", out], 2
    yield ["export", evil / f"{EVIL}.ckpt", "--output", out], 2
    yield ["weights", "import", evil / f"{EVIL}.ckpt", "--from", EVIL, "--output", out], 2
    yield ["weights", "fetch", EVIL], 2
    yield ["complexity", EVIL], 2
    yield [EVIL], 2
    yield ["segment", f"--{EVIL}"], 2


def test_no_command_says_what_commands_a_terminal(place, capfd, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # the command line's own is wanted
    for arguments, status in _commands(place):
        shutil.rmtree(place / "out", ignore_errors=True)
        found = main([str(argument) for argument in arguments])
        logging.getLogger().handlers.clear()
        said = "".join(capfd.readouterr())
        assert said and found == status, (arguments, said)
        for line in said.split("\n"):
            assert line.isprintable() and not line.startswith("[FATAL]"), (arguments, line)


def test_a_cell_of_frames_csv_is_no_formula(tmp_path):
    row = dict.fromkeys(COLUMNS, None)
    problems = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", EVIL, "a=1", "\udcff"]
    rows = [{**row, "bag": "-x", "index": -1, "problem": text} for text in problems]
    write_csv(tmp_path / "frames.csv", rows)
    with open(tmp_path / "frames.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(one["bag"], one["index"]) for one in rows] == [("'-x", "-1")] * len(problems)
    shown = [one["problem"] for one in rows]
    assert shown[:4] == ["'" + text for text in problems[:4]] and shown[4] == " =1"
    assert shown[5] == printable(EVIL) and shown[6:] == ["a=1", "\\udcff"]


LEVELS = {"debug", "info", "warning", "error", "fatal"}


def _logged_unseen(tree):
    """Calls of a ROS logger with anything but a text of our own or what ``printable`` gives."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            logger, text = ast.unparse(node.func.value), node.args[0]
            own = isinstance(text, ast.Constant) or ast.unparse(text).startswith("printable(")
            if "get_logger" in logger and not own:
                yield ast.unparse(node)


def test_nodes_log_only_what_is_printable():
    """A wall: whoever adds a line to a node's log has it made printable, or writes it himself."""
    files = [*ROOT.glob("bisenet_ros/**/*.py"), *ROOT.glob("examples/*.py")]
    found = {path.name: list(_logged_unseen(ast.parse(path.read_text()))) for path in files}
    assert {name: calls for name, calls in found.items() if calls} == {}
    call = "node.get_logger().error(text)"
    assert list(_logged_unseen(ast.parse(call))) == [call]
