"""Frames per second from the report of an earlier run."""

import json

import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")

from bisenet_core.commands.complexity_timing import CpuSpeed
from bisenet_core.errors import InputError

ROW = {"network": "bisenetv2", "options": {}, "classes": 19, "size": "1024x512"}
REPORT = {
    "networks": [],
    "charted": [{**ROW, "gflops": 21.1, "cpu_ms": {"bf16": 100.0, "fp32": 250.0}}],
    "cpu": {"device": "Z80", "cores": 2, "openvino": "2026.4"},
}


def test_the_fastest_precision_counts_and_is_named(tmp_path):
    (tmp_path / "earlier.json").write_text(json.dumps(REPORT))
    speed = CpuSpeed.load(tmp_path / "earlier.json")
    assert speed.frames_per_second({**ROW, "tree": object()}) == pytest.approx(10)
    assert speed.label == "OpenVINO bf16, 2 cores of Z80"


def test_what_was_not_timed_has_no_speed():
    for change in ({"size": "960x720"}, {"classes": 11}, {"options": {"alpha": 2}}):
        assert CpuSpeed(REPORT).frames_per_second({**ROW, **change}) is None


def test_a_file_without_times_is_refused(tmp_path):
    path = tmp_path / "earlier.json"
    without = {**REPORT, "charted": []}, {**REPORT, "charted": [ROW]}, {**REPORT, "cpu": {}}, {"networks": []}
    for content in ("{", "[]", "7", "\udcff", *map(json.dumps, without)):
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(InputError, match=r"earlier\.json holds no times"):
            CpuSpeed.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot read .*nowhere"):
        CpuSpeed.load(tmp_path / "nowhere.json")
