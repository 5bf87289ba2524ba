"""A node that ends, by itself or not, or does not get ready, is told of."""

import signal

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from bisenet_core.errors import InputError
from bisenet_ros.harness import node_process as module
from bisenet_ros.harness.node_process import NodeProcess, ProcessError


@pytest.fixture
def load(tmp_path, with_sleeping_node):
    return with_sleeping_node(NodeProcess({}, tmp_path, print))


@pytest.mark.parametrize("status", [1, 2])
def test_the_last_error_of_a_node_that_ends_is_told_and_whether_its_input_was_bad(load, run_python, status):
    fatal = "print('[FATAL] [1.0] [segmentation]: no, thanks', file=sys.stderr)"
    load.node = run_python(f"{fatal}; sys.exit({status})")
    with pytest.raises(ProcessError, match="the node ended: no, thanks; see .*child.log") as ended:
        load.wait_until_active()
    assert ended.value.bad_input == (status == 2)


def test_a_node_that_does_not_get_ready_is_told_of(load, monkeypatch):
    monkeypatch.setattr(module, "READY_TIMEOUT_S", 0.0)
    with pytest.raises(ProcessError, match="the node is not active after 0 s; see .*child.log"):
        load.wait_until_active()


def test_a_process_heeds_sigint_even_where_its_parent_does_not(run_python):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a shell
    try:
        process = run_python()
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.read_line()
    process.stop()
    assert process.last_error() == "killed by SIGINT" or "KeyboardInterrupt" in process.last_error()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to .*: Not a directory; choose another --output"):
        NodeProcess({}, tmp_path / "file" / "folder", print)
