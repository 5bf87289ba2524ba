"""Fixtures for tests of the replay node."""

import json

import pytest


@pytest.fixture(scope="session")
def rendered_bag(ros, tmp_path_factory, tiny_model_folder):
    """A bag of 12 frames at 15 Hz; in ``<bag>_labels`` is what the tiny model makes of them."""
    pytest.importorskip("rosbags", reason="needs rosbags: pip install .[eval]")
    from rendered_bag import write_rendered_bag

    from bisenet_core.runtime.segmenter import Segmenter

    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        return write_rendered_bag(tmp_path_factory.mktemp("bags") / "drive", 12, 15, segmenter)


@pytest.fixture
def start_replay(ros, tmp_path, tiny_model_folder):
    """``start_replay(bag, **parameters)``: the replay node's process, which ends with the test."""
    pytest.importorskip("std_srvs.srv", reason="needs ros-std-srvs: pip install .[ros]")
    from node_harness import NodeProcess

    started = []

    def start(bag, **parameters):
        settings = dict({"bag": bag, "model": tiny_model_folder, "output": tmp_path / "out"}, **parameters)
        started.append(NodeProcess(tmp_path / "replay{}.log".format(len(started)),
                                   program=["-m", "bisenet_ros.replay.replay_node"], **settings))
        return started[-1]

    yield start
    for process in started:
        process.__exit__()


@pytest.fixture
def results(tmp_path):
    """``results()``: what live.json says."""
    return lambda: json.loads((tmp_path / "out" / "live.json").read_text())
