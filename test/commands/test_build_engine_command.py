import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "runtime"))
import fake_pycuda
import fake_tensorrt
from tiny_onnx import tiny_onnx

from bisenet_core.cli import main


@pytest.fixture
def driver(monkeypatch):
    return fake_pycuda.install(monkeypatch, fake_pycuda.FakeDriver())


@pytest.fixture(params=["8.2", "8.6", "10.3"])
def trt(request, monkeypatch, driver):
    return fake_tensorrt.install(monkeypatch, fake_tensorrt.make_tensorrt(request.param, driver))


@pytest.fixture
def model(tmp_path, write_model_folder):
    return write_model_folder(tmp_path / "tiny", tiny_onnx())


@pytest.fixture
def build(tmp_path, model):
    """``build(*options)``: the exit status and what the JSON says."""
    def run(*options):
        answer = tmp_path / "answer.json"
        status = main(["build-engine", "--model", str(model), "--engine-cache", str(tmp_path / "engines"),
                       "--json", str(answer), *options])
        return status, json.loads(answer.read_text()) if answer.exists() else None
    return run


def test_the_engine_lies_where_the_json_says(trt, build, tmp_path):
    status, answer = build("--precision", "fp16")
    engine = Path(answer["engine"])
    assert status == 0 and engine.parent == tmp_path / "engines"
    assert engine.stat().st_size == answer["bytes"] and answer["built"] and answer["seconds"] >= 0
    assert (answer["precision"], answer["tensorrt"]) == ("fp16", trt.__version__)


def test_it_is_built_once_unless_forced(trt, build):
    answers = [build()[1], build()[1], build("--force")[1]]
    assert [answer["built"] for answer in answers] == [True, False, True] and len(trt.builds) == 2
    assert answers[0]["precision"] == "fp16" and len({answer["engine"] for answer in answers}) == 1


def test_size_and_workspace_reach_tensorrt(trt, build):
    _, answer = build("--input-size", "128x64", "--workspace", "64")
    assert answer["input_size"] == "128x64" and "-128x64-" in answer["engine"]
    assert trt.builds[-1].workspace == 64 << 20


@pytest.mark.parametrize("options, message", [
    (["--precision", "int8"], "says nowhere where it is INT8"),
    (["--precision", "bf16"], "'bf16' is not available with TensorRT on NVIDIA Fake; use auto or fp16 or"),
    (["--input-size", "big"], "--input-size 'big' is not a size"),
])
def test_what_cannot_be_had_is_one_line(trt, build, capsys, options, message):
    assert build(*options) == (2, None)
    errors = capsys.readouterr().err.strip()
    assert message in errors and "\n" not in errors


def test_without_tensorrt_it_says_what_to_install(driver, build, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert build() == (2, None)
    assert "pip install 'bisenet_ros[gpu-cu12]'" in capsys.readouterr().err


def test_without_a_gpu_it_says_so(monkeypatch, build, capsys):
    driver = fake_pycuda.install(monkeypatch, fake_pycuda.FakeDriver(devices=0))
    fake_tensorrt.install(monkeypatch, fake_tensorrt.make_tensorrt("8.6", driver))
    assert build() == (2, None)
    assert "finds no GPU" in capsys.readouterr().err
