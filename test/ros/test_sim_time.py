"""With use_sim_time, the node tells an image's age by /clock, and by nothing else."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from test_segmentation_node import _message, _picture

NOW_S = 5000  # 1970, so that no image is young by the computer's own clock


class SimulatedTime:
    """A publisher of /clock, which the node has subscribed to."""

    def __init__(self, observer):
        self._observer = observer
        self._publisher = observer.node.create_publisher(Clock, "/clock", 10)
        observer.wait(self._publisher.get_subscription_count, "the node's subscription to /clock")

    def set(self, seconds):
        """Publish a time, and wait until the node's diagnostics are stamped with it."""
        self._observer.publish_until(
            self._publisher, Clock(clock=Time(sec=seconds)),
            lambda: self._observer.stamps and self._observer.stamps[-1].sec == seconds, "the simulated time")


def _what_became_of(observer, camera, heard, second):
    """Send an image with a stamp that none had before: "labelled", or "too_old" where it was dropped."""
    message = _message(_picture(), second=second)
    dropped = int(observer.status().facts.get("dropped.too_old", 0))

    def outcome():
        labelled = [one for one in heard if one.header == message.header]
        if labelled or int(observer.statuses[-1].facts.get("dropped.too_old", 0)) > dropped:
            return "labelled" if labelled else "too_old"
        return None

    return observer.publish_until(camera, message, outcome, "what became of the image")


def test_age_is_measured_on_the_simulated_clock(run_node, observer):
    run_node(use_sim_time=True, max_image_age=10.0)
    observer.status(lambda status: status.facts["state"] == "active", "an active node")
    time, heard, camera = SimulatedTime(observer), observer.listen("/segmentation/labels"), observer.camera()
    time.set(NOW_S)
    assert _what_became_of(observer, camera, heard, NOW_S - 3) == "labelled"
    assert _what_became_of(observer, camera, heard, NOW_S - 30) == "too_old"
    # The simulation stands still, so ages come out exactly, whatever the computer's clock does meanwhile;
    # stamps of the test's images have 0.123 s.
    status = observer.status(lambda one: "age_ms_p50" in one.facts, "an age")
    assert float(status.facts["age_ms_p50"]) == pytest.approx(2876.54, abs=0.01)
    time.set(NOW_S + 30)
    assert _what_became_of(observer, camera, heard, NOW_S - 4) == "too_old"
    assert _what_became_of(observer, camera, heard, NOW_S + 29) == "labelled"
