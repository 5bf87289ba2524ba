"""`bisenet tune`: what is measured is kept, and taken from then on."""

import json

import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("openvino", reason="the model is run with openvino")
pytest.importorskip("onnxruntime", reason="and with onnxruntime")

from bisenet_core.cli import main
from bisenet_core.runtime.segmenter import Segmenter


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bisenet" / "tuned"


def test_the_fastest_is_kept_and_taken(tiny_model_folder, tmp_path, cache, capsys):
    report = tmp_path / "report.json"
    options = ["tune", "--model", str(tiny_model_folder), "--size", "128x64", "--json", str(report)]
    assert main(options) == 0
    result = json.loads(report.read_text())
    times = result["segment_ms"]
    assert {"openvino:fp32", "onnxruntime:fp32"} <= set(times) and "onnxruntime:int8" not in times
    fastest = min(times, key=times.__getitem__)
    assert fastest == "{backend}:{precision}".format(**result) and result["size"] == "128x64"
    assert [str(path) for path in cache.iterdir()] == [result["file"]]
    with Segmenter.open(str(tiny_model_folder), input_width=128, input_height=64) as segmenter:
        assert f"{segmenter.backend.name}:{segmenter.backend.precision}" == fastest
        measured = f"tuned: {times[fastest]:.1f} ms, the fastest of {len(times)}"
        assert segmenter.backend.reason.split("; ")[0] == measured
    shown = capsys.readouterr().out
    assert fastest in shown and "least" in shown and "median" in shown
    assert main(options) == 0 and len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("size, words", [
    ("16x16", "each side must be from 32 to 8192"), ("big", "--size 'big'")])
def test_a_size_that_no_input_has_is_one_line(tiny_model_folder, cache, capfd, size, words):
    assert main(["tune", "--model", str(tiny_model_folder), "--size", size]) == 2
    line, = capfd.readouterr().err.splitlines()
    assert words in line and not cache.exists()


def test_a_network_that_nothing_runs_is_one_line(tmp_path, write_model_folder, cache, capfd):
    folder = write_model_folder(tmp_path / "net", b"no ONNX file")
    assert main(["tune", "--model", str(folder)]) == 2
    line, = capfd.readouterr().err.splitlines()
    assert "nothing runs it on this CPU: " in line and not cache.exists()


def test_interrupted_it_keeps_nothing(tiny_model_folder, cache, monkeypatch, capfd):
    from bisenet_core.commands import benchmark as tune

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tune, "timed_in_turn", interrupt)
    assert main(["tune", "--model", str(tiny_model_folder)]) == 130 and not cache.exists()
