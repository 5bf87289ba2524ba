"""Fixtures for tests over real DDS."""

import fcntl
import gc
import os
import signal
import sys
from contextlib import ExitStack

import pytest


@pytest.fixture(scope="session")
def ros(tmp_path_factory):
    """A ROS of this test session's own; skips where there is none. Cleans up shared memory afterwards."""
    pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
    from node_harness import remove_dead_segments, ros_environment

    gc.freeze()  # the collections to come need not look at what is loaded for good
    before = dict(os.environ)
    os.environ.update(ros_environment(tmp_path_factory.mktemp("ros_log")))
    yield
    os.environ.clear()
    os.environ.update(before)
    remove_dead_segments()


@pytest.fixture
def observer(ros):
    """An Observer of /segmentation, the only one: a destroyed lifecycle node stays in DDS until collected."""
    from node_harness import Observer

    gc.collect()
    with Observer() as one:
        yield one


@pytest.fixture
def start_node(ros, tmp_path, tiny_model_folder):
    """``start_node(**parameters)``: a NodeProcess with the tiny model, which ends with the test."""
    from node_harness import NodeProcess

    started = []

    def start(arguments=(), environment=None, **parameters):
        settings = dict({"model": tiny_model_folder, "precision": "fp32"}, **parameters)
        node = NodeProcess(tmp_path / "node{}.log".format(len(started)), arguments, environment, **settings)
        started.append(node)
        return node

    yield start
    for node in started:
        node.__exit__()


@pytest.fixture
def run_node(ros, tiny_model_folder):
    """``run_node(**parameters)``: a NodeThread with the tiny model, which ends with the test."""
    from node_thread import NodeThread

    started = []

    def run(arguments=(), **parameters):
        started.append(NodeThread(
            arguments, **dict({"model": tiny_model_folder, "precision": "fp32"}, **parameters)))
        return started[-1]

    yield run
    for node in started:
        node.__exit__()


@pytest.fixture
def refused(ros, capfd):
    """``refused(main, *arguments)``: all that the node's own main prints when it ends with status 2."""
    def run(main, *arguments):
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        capfd.readouterr()
        try:
            assert main(["node", *map(str, arguments)]) == 2
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return "".join(capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def vision_msgs_environment(ros, tmp_path_factory):
    """Variables with which a process finds vision_msgs, as this one does; skips where it cannot be had."""
    from node_harness import python_path
    from vision_msgs_package import build, is_installed, why_not

    if is_installed():
        yield {}
        return
    if why_not():
        pytest.skip(why_not())
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # one build for all workers, whose folders lie side by side
        folder = folder.parent
    folder = folder / "vision_msgs_built"
    with open(str(folder) + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            build(folder)
    sys.path.insert(0, str(folder))
    yield python_path(folder)
    sys.path.remove(str(folder))


@pytest.fixture
def run_python(tmp_path, monkeypatch):
    """``run_python(program)``: a PipedProcess that runs a line of Python, by default one that says "here" and
    sleeps; it ends with the test."""
    from node_harness import ROOT

    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "node_load"))
    from piped_process import PipedProcess

    (tmp_path / "line_of_python.py").write_text("import sys, time; exec(sys.argv[1])")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ExitStack() as stack:
        yield lambda program="print('here', flush=True); time.sleep(1e3)": stack.enter_context(
            PipedProcess("line_of_python", [program], tmp_path / "child.log"))


@pytest.fixture
def with_sleeping_node(run_python):
    """``with_sleeping_node(load)``: a NodeProcess whose node is a process that sleeps, and says nothing."""
    from bisenet_ros.harness.node_watch import NodeWatch

    def with_node(load):
        load.node, load.watch = run_python(), NodeWatch("/segmentation")
        assert load.node.read_line()
        return load

    return with_node
