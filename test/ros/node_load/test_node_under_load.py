"""Processes that end are told of, and so is an account that does not come to rest."""

import json
import os
import signal
import sys
from contextlib import ExitStack

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from node_harness import ROOT

from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.harness.node_process import ProcessError
from bisenet_ros.harness.node_watch import NodeAccount

LOAD = ROOT / "scripts" / "node_load"
sys.path.insert(0, str(LOAD))

import node_under_load as module  # noqa: E402
from node_under_load import NodeUnderLoad, what_runs  # noqa: E402
from piped_process import PipedProcess  # noqa: E402


@pytest.fixture
def load(tmp_path, with_sleeping_node):
    return with_sleeping_node(NodeUnderLoad({}, tmp_path))


def test_a_killed_node_is_named_with_its_signal_whatever_its_log_says(load, run_python):
    assert load.node_usage().memory_mib > 1
    load.node.log.write_text("[ERROR] [1.0] [segmentation]: image on /image not labelled\n")
    os.kill(load.node.pid, signal.SIGKILL)
    line = "the node ended: killed by SIGKILL; see .*child.log"
    with pytest.raises(ProcessError, match=line) as killed:
        while True:
            load.node_usage()
    assert not killed.value.bad_input
    with pytest.raises(ProcessError, match=line):  # nor is a camera waited for, which waits for the node
        load._wait_for_match(run_python("time.sleep(1e3)"))


def test_a_camera_counts_and_one_that_ended_is_told_of(load, run_python):
    load.cameras = [run_python("print('{\"sent\": 7}'); raise SystemExit('no camera')")]
    assert load.sent(0) == 7
    with pytest.raises(ProcessError, match="the camera ended: no camera; see"):
        load.sent(0)


def test_an_account_that_does_not_come_to_rest_is_told_of(load, monkeypatch):
    monkeypatch.setattr(module, "_SETTLE_TIMEOUT_S", 0.0)
    load.watch.accounts = [NodeAccount(FrameCounts(3, 2, {}, {}), {})]
    with pytest.raises(ProcessError, match="the node's account does not come to rest after 0 s; see .*child"):
        load.settle(3)


def test_a_camera_ends_by_sigint_whether_it_plays_or_waits(ros, observer, tmp_path):
    heard, cameras = {}, {}
    with ExitStack() as stack:
        for name in ("plays", "waits"):
            heard[name] = observer.listen(f"/{name}/image")
            cameras[name] = stack.enter_context(PipedProcess(str(LOAD / "camera_process.py"), [
                f"/{name}/image", "--size", "96x64", "--rate", "50", "--count", "0"],
                tmp_path / f"{name}.log"))
        for name, camera in cameras.items():
            observer.wait(lambda camera=camera: camera.has_output(0.0), "a match")
            assert camera.read_line() == "matched\n"
            camera.send_line("go")
            observer.wait(lambda name=name: len(heard[name]) >= 3, "images")
        cameras["waits"].send_line("stop")
        assert json.loads(cameras["waits"].read_line())["sent"] >= 3
        for name, camera in cameras.items():
            camera.stop()
            assert camera.status == 0, "SIGINT was not enough"
            assert (tmp_path / f"{name}.log").read_text() == ""


def test_what_runs_is_what_diagnostics_say():
    facts = {"model": "tiny", "backend": "elsewhere", "precision": "bf16", "device": "a CPU",
             "input_size": "96x64", "received": "3"}
    runs = what_runs(facts)
    assert (runs["precision"], runs["device"], runs["input_size"]) == ("bf16", "a CPU", "96x64")
    assert "received" not in runs and "backend_version" not in runs and runs["python_version"]
    assert what_runs(dict(facts, backend="numpy"))["backend_version"]
