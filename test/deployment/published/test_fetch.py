"""`bisenet weights fetch` against a server on this machine: a whole model folder, or none."""

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="import needs PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="import needs onnx (pip install .[train])")
pytest.importorskip("typer", reason="the command line needs typer and rich")

from filelock import FileLock  # noqa: E402
from local_server import LocalServer  # noqa: E402

from bisenet_core.cli import main  # noqa: E402
from bisenet_core.deployment.published import catalogue  # noqa: E402
from bisenet_core.deployment.published.catalogue import Published  # noqa: E402
from bisenet_core.models.weights import renamings  # noqa: E402
from bisenet_core.runtime.model_card import ModelCard  # noqa: E402
from bisenet_core.runtime.segmenter import Segmenter  # noqa: E402

NAME = "cityscapes-tiny"


@pytest.fixture
def checkpoint(tiny_renaming, tiny_states):
    """Bytes of a published file."""
    stream = io.BytesIO()
    torch.save({"meta": {"epoch": 1}, "state_dict": tiny_states()}, stream)
    return stream.getvalue()


@pytest.fixture
def server(checkpoint):
    with LocalServer(checkpoint) as running:
        yield running


@pytest.fixture
def published(server, monkeypatch):
    """``published(prefix)``: the catalogue names the server's file, with ``prefix`` of its SHA-256 if any."""

    def publish(prefix=None, url=None):
        prefix = hashlib.sha256(server.content).hexdigest()[:8] if prefix is None else prefix
        url = url or server.url(f"tiny-{prefix}.pth" if prefix else "tiny.pth")
        entry = Published("cityscapes", "tiny", "", "mmseg", url, 71.5, "2048x1024")
        monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
        return entry

    return publish


def fetch(tmp_path):
    """What the command says of the model it has fetched."""
    assert main(["weights", "fetch", NAME, "--json", str(tmp_path / "result.json")]) == 0
    return json.loads((tmp_path / "result.json").read_text())


def refused(capfd, *words):
    """The command fails with status 2 and one line on stderr that holds ``words``."""
    capfd.readouterr()
    assert main(["weights", "fetch", NAME]) == 2
    (line,) = [text for text in capfd.readouterr().err.splitlines() if text.startswith("bisenet: ")]
    for word in words:
        assert word in line, line
    return line


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_a_fetched_model_runs_by_its_name(published, cache, tmp_path):
    entry = published()
    assert fetch(tmp_path)["fetched"]
    card = ModelCard.load(cache / "cityscapes_tiny")
    assert card.name == "cityscapes_tiny" and card.recipe["url"] == entry.url
    reported = {"miou": 0.715, "split": "val", "evaluated_at": "2048x1024"}
    assert card.metrics["reported_by_publisher"] == reported
    assert card.metrics["stored_weights"]["judged_on"] == "3 rendered street frames"
    assert "Apache-2.0" in card.licence and "Cityscapes" in card.licence
    assert files(cache) == ["cityscapes_tiny"]
    assert files(cache / "cityscapes_tiny") == ["README.md", "model.json", "model.onnx"]
    with Segmenter.open("cityscapes_tiny", backend="onnxruntime") as segmenter:
        labels = segmenter.segment(np.zeros((60, 80, 3), np.uint8)).labels
    assert labels.shape == (60, 80) and labels.max() < 19


def test_a_model_that_is_there_is_kept_and_a_damaged_one_made_anew(published, server, cache, tmp_path, capfd):
    published()
    fetch(tmp_path)
    assert not fetch(tmp_path)["fetched"]
    assert "already in the cache" in capfd.readouterr().out and len(server.requests) == 1
    (cache / "cityscapes_tiny" / "model.onnx").write_bytes(b"cut short")
    assert fetch(tmp_path)["fetched"] and len(server.requests) == 1  # from the file that was kept
    ModelCard.load(cache / "cityscapes_tiny")


def test_a_folder_that_upsamples_otherwise_than_its_publisher_is_made_anew(
    published, server, cache, tmp_path, tiny_renaming, monkeypatch
):
    published()
    fetch(tmp_path)
    aligned = replace(tiny_renaming, upsampling="align_corners")
    monkeypatch.setitem(renamings.RENAMINGS, ("mmseg", "tiny"), aligned)
    assert fetch(tmp_path)["fetched"] and len(server.requests) == 1  # from the file that was kept
    assert ModelCard.load(cache / "cityscapes_tiny").upsampling == "align_corners"
    assert not fetch(tmp_path)["fetched"]


def test_a_broken_download_leaves_no_model_and_goes_on(published, server, cache, tmp_path, capfd):
    published()
    server.cut_after = 100_000
    refused(capfd, "broke after 100000", "weights import", "--from mmseg --architecture tiny", server.url(""))
    assert not cache.exists() or files(cache) == []
    server.cut_after = None
    assert fetch(tmp_path)["fetched"] and server.requests[-1]["Range"] == "bytes=100000-"


def test_another_file_than_named_is_refused_and_removed(published, cache, capfd):
    published("00000000")
    refused(capfd, "expected 00000000", "it was removed")
    assert files(cache.parent / "downloads") == [] and not cache.exists()


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><p>Please log in", b""])
def test_what_is_no_checkpoint_is_refused_and_removed(published, server, cache, capfd, content):
    server.content = content
    published(prefix="")
    refused(capfd, "is not a checkpoint")
    assert not [name for name in files(cache.parent / "downloads") if name.endswith(".pth")]
    assert not cache.exists()


def test_no_network_and_a_file_that_has_gone_are_told_in_one_line(published, server, capfd, cache):
    entry = published()
    server.status = 404
    refused(capfd, entry.url, "404", "weights import")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/tiny.pth"
    published(url=address)
    refused(capfd, address, "Connection refused", str(cache / "cityscapes_tiny"))


def test_a_home_without_room_is_told_in_one_line(published, cache, capfd):
    published()
    cache.parent.mkdir(parents=True)
    (cache.parent / "downloads").write_text("in the way")
    refused(capfd, "cannot write", "make room")


def test_a_disk_that_fills_up_while_exporting_leaves_no_model(published, cache, tmp_path, monkeypatch, capfd):
    def full(_network, _width, _height, path):
        path.write_bytes(b"half a")
        raise OSError(28, "No space left on device")

    published()
    with monkeypatch.context() as patch:
        patch.setattr("bisenet_core.deployment.model_folder.write_onnx", full)
        refused(capfd, "No space left", "make room")
    assert files(cache) == []
    assert fetch(tmp_path)["fetched"]


def test_two_at_once_make_one_model(published, server, cache, tmp_path, caplog):
    entry = published()
    downloads = cache.parent / "downloads"
    downloads.mkdir(parents=True)
    results = []
    command = lambda: results.append(main(["weights", "fetch", NAME]))  # noqa: E731
    others = [threading.Thread(target=command) for _ in range(2)]
    with FileLock(downloads / f"{entry.file}.lock"):
        for other in others:
            other.start()
        for _ in range(600):
            others[0].join(0.05)
            if caplog.text.count("another process") == 2:
                break
        assert caplog.text.count("another process") == 2 and not server.requests
    for other in others:
        other.join()
    assert results == [0, 0] and len(server.requests) == 1
    assert files(cache) == ["cityscapes_tiny"]


def test_an_unknown_name_is_refused(published, capfd):
    published()
    assert main(["weights", "fetch", "cityscapes-tinny"]) == 2
    assert "did you mean 'cityscapes-tiny'?" in capfd.readouterr().err


PROGRAM = """
import sys
from bisenet_core.cli import main
from bisenet_core.deployment.published import catalogue
entry = catalogue.Published("cityscapes", "bisenetv2", "", "mmseg", sys.argv[1], 71.5, "2048x1024")
catalogue.CATALOGUE = (entry,)
sys.exit(main(["weights", "fetch", entry.name]))
"""


def test_an_interrupted_download_is_kept(server, cache):
    """Ctrl-C while the server is silent."""
    server.cut_after, server.stalls = 100_000, True
    command = [sys.executable, "-c", PROGRAM, server.url("tiny.pth")]
    environment = dict(os.environ, HOME=str(cache.parents[2]))
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    part = cache.parent / "downloads" / "tiny.pth.part"
    for _ in range(600):
        if part.exists() and part.stat().st_size:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "bisenet: interrupted; what was already written is kept\n")
    assert part.stat().st_size and server.content.startswith(part.read_bytes())
    assert Path(f"{part}.etag").read_text() == server.etag
    assert not (cache / "cityscapes_bisenetv2").exists()
