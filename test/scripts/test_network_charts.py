"""The charts: both formats, every result labelled, labels apart, the same bytes every time."""

import importlib.util
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import pytest

pytest.importorskip("matplotlib", reason="charts are drawn with matplotlib (pip install .[train])")

from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bisenet_core.errors import InputError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "network_charts"))

from charts import LEAST_RIVAL, Measured, draw_charts, place_labels
from results import PUBLISHED, RIVALS, Result

OWN = Result(
    "stdc1_seg", "my_model", "camvid", (480, 360), None, 53.3, None, None, "my_model/model.json", own=True
)
MEASURED = [
    Measured(result, gflops=20.0 + 3 * index, cpu_fps=1.0 + index)
    for index, result in enumerate([*PUBLISHED, OWN])
    if result.size
]
CPU = "OpenVINO bf16, 2 cores of Z80"


def texts_of(path):
    """The texts of an SVG, which so are text and not outlines."""
    root = ElementTree.parse(path).getroot()
    assert root.tag.endswith("}svg")
    return ["".join(element.itertext()).strip() for element in root.iter() if element.tag.endswith("}text")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charts")
    draw_charts(folder, MEASURED, CPU)
    return folder


def test_both_charts_in_both_formats(folder):
    names = {path.name for path in folder.iterdir()}
    stems = ("accuracy_operations", "accuracy_speed")
    assert names == {f"{stem}{suffix}" for stem in stems for suffix in (".png", ".svg")}
    for stem in stems:
        image = cv2.imread(str(folder / f"{stem}.png"))
        assert min(image.shape[:2]) > 300 and image.std() > 10  # more than paper
        assert {"Cityscapes", "CamVid"} <= set(texts_of(folder / f"{stem}.svg"))


def test_every_result_is_labelled(folder):
    operations = texts_of(folder / "accuracy_operations.svg")
    for label in ("V1 Xception39", "V1 ResNet18", "V2", "V2-Large"):
        assert operations.count(label) == 2, label  # on Cityscapes and on CamVid
    for label in ("STDC1-75", "V2*", "V2-Large*", "STDC2", "ours: my_model, 480×360"):
        assert operations.count(label) == 1, label
    assert not any("ResNet101" in text for text in operations)  # of unknown input size


def test_speeds_tell_the_card_and_own_ones_are_on_the_cpu(folder):
    speed = texts_of(folder / "accuracy_speed.svg")
    assert speed.count(f"frames per second, {CPU}") == 2
    assert speed.count("V1 ResNet18†") == 1 and speed.count("V1 ResNet18‡") == 1
    assert speed.count("V1 ResNet18") == 2  # on the CPU
    assert speed.count("ours: my_model, 480×360") == 1
    assert any("† Titan Xp" in text for text in speed)


def test_rivals_and_the_real_time_line_are_on_the_published_speeds_alone(folder):
    speed, operations = (texts_of(folder / f"accuracy_{kind}.svg") for kind in ("speed", "operations"))
    for rival in RIVALS:
        drawn = [one for one in RIVALS if one.label == rival.label and one.test >= LEAST_RIVAL]
        assert speed.count(rival.label) == len(drawn) and rival.label not in operations
    assert any("30 frames per second, real time" in text for text in speed)


def test_without_times_there_is_no_second_row_and_the_rest_has_the_same_bytes(folder, tmp_path):
    draw_charts(tmp_path, MEASURED)
    speed = texts_of(tmp_path / "accuracy_speed.svg")
    assert speed.count("Cityscapes") == 1 and not any("my_model" in text for text in speed)
    for name in ("accuracy_operations.png", "accuracy_operations.svg"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


@settings(max_examples=5, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=9, max_size=9))
def test_labels_stay_inside_and_apart_where_there_is_room(places):
    """Nine points on a grid of 3x3, moved about within their cells."""
    figure = Figure(figsize=(4.5, 3.6))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8), xlim=(0, 3), ylim=(0, 3))
    points = [
        (index % 3 + 0.3 + 0.4 * x, index // 3 + 0.3 + 0.4 * y, "V1 ResNet18", {"size": 8})
        for index, (x, y) in enumerate(places)
    ]
    place_labels(axes, points)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == len(points)
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in boxes)
    assert not any(box.count_overlaps(boxes[:index]) for index, box in enumerate(boxes))


ROOT = Path(__file__).resolve().parents[2]


def _draw(*arguments):
    command = [sys.executable, str(ROOT / "scripts" / "network_charts"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_charts_in_the_documentation_are_what_the_script_draws(tmp_path):
    pytest.importorskip("torch", reason="operations are counted with PyTorch (pip install .[train])")
    ended = _draw(tmp_path, "--models", ROOT / "weights")
    assert (ended.returncode, ended.stderr) == (0, "")
    names = {f"accuracy_{kind}.{suffix}" for kind in ("speed", "operations") for suffix in ("png", "svg")}
    assert {path.name for path in tmp_path.iterdir()} == names
    for path in tmp_path.glob("*.svg"):
        shown = re.findall(r">([^<>]+)</text>", (ROOT / "docs" / "images" / path.name).read_text())
        assert re.findall(r">([^<>]+)</text>", path.read_text()) == shown, "draw docs/images anew"
        for ours in ("camvid_bisenetv2", "camvid_stdc1"):
            assert f"ours: {ours}, 480×360" in shown, path.name


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("torch", reason="operations are counted with PyTorch (pip install .[train])")
    pytest.importorskip("openvino", reason="networks are timed in OpenVINO")
    main = ROOT / "scripts" / "network_charts" / "__main__.py"
    spec = importlib.util.spec_from_file_location("network_charts", main)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ROW = {"network": "bisenetv2", "options": {}, "classes": 19, "size": "1024x512"}
REPORT = {
    "charted": [{**ROW, "gflops": 21.1, "cpu_ms": {"bf16": 100.0, "fp32": 250.0}}],
    "cpu": {"device": "Z80", "cores": 2, "openvino": "2026.4"},
}


def test_the_fastest_precision_counts_and_is_named_and_what_was_not_timed_has_no_speed(script, tmp_path):
    (tmp_path / "earlier.json").write_text(json.dumps(REPORT))
    speeds, label = script.read_speeds(tmp_path / "earlier.json")
    assert speeds[script.subject(ROW)] == pytest.approx(10) and label == "OpenVINO bf16, 2 cores of Z80"
    for change in ({"size": "960x720"}, {"classes": 11}, {"options": {"alpha": 2}}):
        assert script.subject({**ROW, **change}) not in speeds


def test_a_file_without_times_is_refused(script, tmp_path):
    path = tmp_path / "earlier.json"
    without = {**REPORT, "charted": []}, {**REPORT, "charted": [ROW]}, {**REPORT, "cpu": {}}, {"networks": []}
    for content in ("{", "[]", "7", "\udcff", *map(json.dumps, without)):
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(InputError, match=r"earlier\.json holds no times"):
            script.read_speeds(path)


def test_a_missing_file_is_one_line(script, tmp_path, capsys):
    assert script.main([str(tmp_path), "--times", str(tmp_path / "nowhere.json")]) == 2
    error = capsys.readouterr().err
    assert "nowhere.json" in error and error.count("\n") == 1
