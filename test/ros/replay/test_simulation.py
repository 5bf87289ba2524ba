"""The live run and the deterministic simulation of the node's mailbox tell the same story."""

import json

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")
pytest.importorskip("rosbags", reason="needs rosbags: pip install .[eval]")

from rendered_bag import BEGAN_NS, write_rendered_bag

from bisenet_core.evaluation.metrics.mailbox_simulation import drive, summary

FRAMES, RATE_HZ = 60, 15

# How far the two shares of labelled frames may be apart; docs/replay.md states it.
BOUND = 0.10

# The node's own main, with a network that takes a tenth of a second longer. What each image takes the node is
# noted in a file: on a busy machine it varies, and the simulation is to be held to its logic alone.
SLOW = """
import sys, threading, time
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros import segmentation_node
from bisenet_ros.camera import CameraStream
init, serve = Segmenter.__init__, CameraStream.serve
def init_slowed(self, card, backend):
    init(self, card, backend)
    infer = backend.infer
    def slowly(*arguments):
        threading.Event().wait(0.1)
        return infer(*arguments)
    backend.infer = slowly
def serve_timed(self, segmenter):
    started = time.monotonic()
    served = serve(self, segmenter)
    if served:
        with open({path!r}, "a") as file:
            print(1e3 * (time.monotonic() - started), file=file)
    return served
Segmenter.__init__, CameraStream.serve = init_slowed, serve_timed
sys.exit(segmentation_node.main())
"""


@pytest.mark.slow
def test_the_shares_of_labelled_frames_agree(start_node, start_replay, tmp_path):
    bag, served, too_fast = write_rendered_bag(tmp_path / "drive", FRAMES, RATE_HZ), tmp_path / "served", []
    start_node(program=["-c", SLOW.format(path=str(served))])
    for rate in (0.5, 1.0, 3.0):  # all labelled; two of three; two of nine
        served.write_text("")
        replay = start_replay(bag, rate=rate, output=tmp_path / str(rate))
        assert replay.wait() == 0, replay.output
        live = json.loads((tmp_path / str(rate) / "live.json").read_text())
        # Then it is another drive that the node saw: the images came when the machine found time for them.
        if live["late_ms"]["p90"] > 500 / RATE_HZ / rate or live["lost"] > BOUND * FRAMES:
            too_fast.append(f"rate {rate}: {live['late_ms']}, lost {live['lost']}")
            continue
        simulated = simulate(list(map(float, served.read_text().split())), rate)
        print("live", live["as_driven"], "simulated", simulated)
        assert live["as_driven"]["share_labelled"] == pytest.approx(simulated["share_labelled"], abs=BOUND)
    if too_fast:
        pytest.skip(f"this machine is too busy to play at some of these paces: {too_fast}")


def simulate(served_ms, rate):
    """``as_driven`` of the same drive, where a frame takes what one took live at about that time."""
    recorded_ns = BEGAN_NS + np.round(np.arange(FRAMES) * 1e9 / RATE_HZ / rate).astype(np.int64)
    service_ms = np.array(served_ms)[np.arange(FRAMES) * len(served_ms) // FRAMES]
    return summary(drive(recorded_ns, service_ms))
