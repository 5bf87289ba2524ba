"""Fixtures for tests of the replay node."""

import json

import pytest


@pytest.fixture(scope="session")
def bags(ros, tmp_path_factory, tiny_model_folder):
    """Two bags of 12 frames at 15 Hz, and what the tiny model makes of them: "drive" and "labelled".

    The labels of the first are in ``<bag>_labels``. Those of the second are in it, on a topic that comes
    first by name, and its stamps count from when the camera was switched on.
    """
    pytest.importorskip("rosbags", reason="needs rosbags: pip install .[eval]")
    from rendered_bag import BEGAN_NS, write_rendered_bag

    from bisenet_core.runtime.segmenter import Segmenter

    folder = tmp_path_factory.mktemp("bags")
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        return {
            "drive": write_rendered_bag(folder / "drive", 12, 15, segmenter),
            "labelled": write_rendered_bag(folder / "labelled", 12, 15, segmenter, label_topic="/a_truth",
                                           clock_offset_ns=5 * 10**9 - BEGAN_NS),
        }


@pytest.fixture
def rendered_bag(bags):
    """The bag "drive"."""
    return bags["drive"]


@pytest.fixture(scope="module")
def node(ros, tmp_path_factory, tiny_model_folder):
    """A segmentation node for tests that leave it as it is."""
    from node_harness import NodeProcess

    log = tmp_path_factory.mktemp("node") / "node.log"
    with NodeProcess(log, model=tiny_model_folder, precision="fp32") as one:
        yield one


@pytest.fixture(scope="module")
def clocked_node(ros, tmp_path_factory, tiny_model_folder):
    """Another one, in the namespace /clocked, that follows /clock and refuses images older than 10 s."""
    from node_harness import NodeProcess

    log = tmp_path_factory.mktemp("clocked") / "node.log"
    with NodeProcess(log, ["-r", "__ns:=/clocked"], model=tiny_model_folder, precision="fp32",
                     use_sim_time=True, max_image_age=10.0) as one:
        yield one


@pytest.fixture
def start_replay(ros, tmp_path, tiny_model_folder):
    """``start_replay(bag, **parameters)``: the replay node's process, which ends with the test."""
    pytest.importorskip("std_srvs.srv", reason="needs ros-std-srvs: pip install .[ros]")
    from node_harness import NodeProcess

    started = []

    def start(bag, arguments=(), **parameters):
        settings = dict({"bag": bag, "model": tiny_model_folder, "output": tmp_path / "out"}, **parameters)
        started.append(NodeProcess(tmp_path / "replay{}.log".format(len(started)), arguments,
                                   program=["-m", "bisenet_ros.replay.replay_node"], **settings))
        return started[-1]

    yield start
    for process in started:
        process.__exit__()


@pytest.fixture
def refuse(refused, tiny_model_folder, tmp_path):
    """``refuse(bag, **parameters)``: the one line with which the replay node, run in this process, ends."""
    pytest.importorskip("std_srvs.srv", reason="needs ros-std-srvs: pip install .[ros]")
    from bisenet_ros.replay.replay_node import main

    def run(bag, **parameters):
        settings = dict({"bag": bag, "model": tiny_model_folder, "output": tmp_path / "out"}, **parameters)
        arguments = [text for name, value in settings.items()
                     for text in ("-r" if name == "__ns" else "-p", f"{name}:={value}")]
        line, = refused(main, "--ros-args", *arguments).splitlines()
        return line

    return run


@pytest.fixture
def results(tmp_path):
    """``results()``: what live.json says."""
    return lambda: json.loads((tmp_path / "out" / "live.json").read_text())
