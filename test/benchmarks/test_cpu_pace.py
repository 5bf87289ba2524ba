"""`scripts/cpu_pace`: every backend and precision in one table, and whole frames in another."""

import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

pytest.importorskip("openvino", reason="compares openvino")
pytest.importorskip("onnxruntime", reason="with onnxruntime")

from bisenet_core.runtime.model_card import ModelCard

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "cpu_pace"


@pytest.fixture
def cpu_pace():
    spec = spec_from_loader("cpu_pace", SourceFileLoader("cpu_pace", str(SCRIPT)))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_tables(cpu_pace, tiny_model_folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["cpu_pace", str(tiny_model_folder), "--rounds", "1"])
    monkeypatch.setattr(cpu_pace, "LARGE", ((64, 32), (128, 64)))
    cpu_pace.main()
    cpu, *lines = capsys.readouterr().out.splitlines()
    assert re.match(r".+ \(family .+, model .+\), \d+ processors; onnxruntime .+, openvino .+; load ", cpu)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    networks, frames = rows[:2], rows[2:]
    assert [row[0] for row in networks] == ["`tiny`, 96x64", "`tiny`, 64x32"]
    assert all(re.match(r"\d+\.\d / \d+\.\d \(\d+\)", cell) for row in networks for cell in row[1:3])
    assert [row[-2] for row in networks] == [""] * 2  # there is no INT8
    assert {row[1] for row in frames} == {"96x64, 96x64", "128x64, 64x32"}


def test_ratios_of_whole_frames(cpu_pace, tiny_model_folder, capsys):
    fp32, int8 = ("openvino", "fp32"), ("openvino", "int8")
    times = {(0, fp32, "network"): [10.0, 20.0], (0, fp32, "segment"): [12.0, 24.0],
             (0, int8, "network"): [4.0, 5.0], (0, int8, "segment"): [6.0, 6.0]}
    subjects = [(ModelCard.load(tiny_model_folder), (96, 64), (192, 128))]
    cpu_pace.whole_frames(subjects, [{fp32: None, int8: None}], times, times)
    *_, exact, coarse = capsys.readouterr().out.splitlines()
    assert exact == ("| `tiny` | 192x128, 96x64 | openvino:fp32 | 10.0 / 15.0 (10) | 12.0 / 18.0 (12) "
                     "| 1.20 / 1.20 | 1.00 / 1.00 |")
    assert coarse.endswith("| openvino:int8 | 4.0 / 4.5 (4) | 6.0 / 6.0 (6) | 1.50 / 1.33 | 0.50 / 0.33 |")


def test_how_many_times_as_fast_int8_is(cpu_pace):
    found = {("a", "fp32"): [30.0, 40.0, 80.0], ("b", "fp32"): [20.0, 50.0, 60.0],
             ("a", "int8"): [10.0, 10.0, 12.0], ("b", "int8"): [5.0, 20.0, 30.0]}
    assert cpu_pace.gain(found, "fp32") == "4.00 / 4.00"  # 20 / 5 and 40 / 10
    assert cpu_pace.gain(found, "bf16") == ""
