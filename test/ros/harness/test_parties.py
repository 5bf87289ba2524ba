"""Processes that end, by themselves or not, are told of; an account is at rest only when that is sure."""

import json
import os
import signal
import time
from contextlib import ExitStack

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from bisenet_core.errors import InputError
from bisenet_ros.harness import parties as module
from bisenet_ros.harness.child_process import ChildProcess
from bisenet_ros.harness.parties import Parties, Setting
from bisenet_ros.harness.status import Status, what_runs


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``run(program)``: a ChildProcess that runs a line of Python; it ends with the test."""
    (tmp_path / "line_of_python.py").write_text("import sys, time; exec(sys.argv[1])")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ExitStack() as stack:
        yield lambda program: stack.enter_context(
            ChildProcess("line_of_python", [program], tmp_path / "child.log", talks=True))


@pytest.fixture
def parties(tmp_path, run):
    """Parties whose node is a process that sleeps."""
    one = Parties(Setting("tiny", {}, "96x64", 10.0), tmp_path)
    one.node = run("print('here', flush=True); time.sleep(1e3)")
    assert next(one.node.lines())
    return one


def test_a_killed_node_is_named_with_its_signal_whatever_its_log_says(parties):
    assert parties.node_usage().memory_mib > 1
    parties.node.log.write_text("[ERROR] [1.0] [segmentation]: image on /image not labelled\n")
    os.kill(parties.node.pid, signal.SIGKILL)
    with pytest.raises(InputError, match="the node ended: killed by SIGKILL; see .*child.log"):
        while True:
            parties.node_usage()


def test_a_camera_that_waits_for_a_dead_node_is_not_waited_for(parties, run):
    os.kill(parties.node.pid, signal.SIGKILL)
    with pytest.raises(InputError, match="the node ended: killed by SIGKILL"):
        parties._wait_for_match(run("time.sleep(1e3)"))


def test_a_camera_counts_and_one_that_ended_is_told_of(parties, run):
    parties.cameras = [run("print('{\"sent\": 7}'); raise SystemExit('no camera')")]
    assert parties.sent(0) == 7
    with pytest.raises(InputError, match="the camera ended: no camera; see"):
        parties.sent(0)


def test_a_process_heeds_sigint_even_where_its_parent_does_not(run):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a shell
    try:
        process = run("print('here', flush=True); time.sleep(1e3)")
    finally:
        signal.signal(signal.SIGINT, before)
    assert next(process.lines())
    process.stop()
    assert process.last_error() == "killed by SIGINT" or "KeyboardInterrupt" in process.last_error()


def test_an_account_is_at_rest_once_a_later_status_says_so(parties, monkeypatch):
    monkeypatch.setattr(module, "_QUIET_S", 0.05)
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    heard = []

    def listen():
        # of two cameras: what came before the quiet time says nothing, nor do images that are in work
        age = [1e3, 1e3, 0.0, 0.0][min(len(heard), 3)]
        heard.append(time.monotonic())
        return [Status({"pending": "0"}, age), Status({"pending": "1" if len(heard) < 30 else "0"}, 0.0)]

    parties.settle(listen)
    assert len(heard) >= 30


def test_an_account_that_does_not_come_to_rest_is_told_of(parties, monkeypatch):
    monkeypatch.setattr(module, "_SETTLE_TIMEOUT_S", 0.0)
    with pytest.raises(InputError, match="the node's account does not come to rest after"):
        parties.settle(lambda: [Status({"pending": "1"}, 0.0)])


def test_what_runs_is_what_diagnostics_say():
    facts = {"model": "tiny", "backend": "elsewhere", "precision": "bf16", "device": "a CPU",
             "input_size": "96x64", "received": "3"}
    runs = what_runs(facts)
    assert (runs["precision"], runs["device"], runs["input_size"]) == ("bf16", "a CPU", "96x64")
    assert "received" not in runs and "backend_version" not in runs and runs["python_version"]
    assert what_runs(dict(facts, backend="numpy"))["backend_version"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to .*: Not a directory; choose another --output"):
        Parties(Setting("tiny", {}, "96x64", 10.0), tmp_path / "file" / "folder")


@pytest.mark.parametrize("orders, count", [(["go"], 3), (["go", "stop"], 0), (["go"], 0)])
def test_a_camera_ends_by_sigint_whatever_it_does(ros, observer, tmp_path, orders, count):
    from sensor_msgs.msg import Image

    heard = observer.listen("/load_camera/image", message_type=Image)
    with ChildProcess("bisenet_ros.harness.camera_process", [
            "/load_camera/image", "--size", "96x64", "--rate", "50", "--count", str(count)],
            tmp_path / "camera.log", talks=True) as camera:
        observer.wait(lambda: camera.has_output(0.0), "a match")
        assert next(camera.lines()) == "matched\n"
        camera.say(orders[0])
        observer.wait(lambda: len(heard) >= 3, "images")
        for order in orders[1:]:
            camera.say(order)
        if count or orders[1:]:
            assert json.loads(next(camera.lines()))["sent"] >= 3
        camera.stop()
        assert camera.status == 0, "SIGINT was not enough"
    assert (tmp_path / "camera.log").read_text() == ""
