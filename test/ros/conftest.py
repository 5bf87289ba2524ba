"""Fixtures for tests over real DDS."""

import gc
import os
import sys

import pytest


@pytest.fixture(scope="session")
def ros(tmp_path_factory):
    """A ROS of this test session's own; skips where there is none. Cleans up shared memory afterwards."""
    pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
    from node_harness import remove_dead_segments, ros_environment

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
    folder = tmp_path_factory.mktemp("vision_msgs")
    build(folder)
    sys.path.insert(0, str(folder))
    yield python_path(folder)
    sys.path.remove(str(folder))
