"""Whether two ends match: as rclpy has it, with the values and what to do."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    LivelinessPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)

from bisenet_ros.peers import Clash, qos_clash, unheard_publishers, unserved_subscribers

FOREVER = Duration(nanoseconds=2**63 - 1)  # as a remote end's profile has it
durations = st.sampled_from([Duration(seconds=1), Duration(seconds=2), FOREVER])
profiles = st.builds(
    QoSProfile, depth=st.just(1),
    reliability=st.sampled_from([ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT]),
    durability=st.sampled_from([DurabilityPolicy.TRANSIENT_LOCAL, DurabilityPolicy.VOLATILE]),
    liveliness=st.sampled_from([LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC]),
    deadline=durations, liveliness_lease_duration=durations)

RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def _endpoint(qos, topic_type="sensor_msgs/msg/Image"):
    return SimpleNamespace(
        node_name="driver", node_namespace="/front", qos_profile=qos, topic_type=topic_type)


@given(profiles, profiles)
def test_it_agrees_with_rclpy(offered, asked):
    refused = qos_check_compatible(offered, asked)[0] == QoSCompatibility.ERROR
    assert (qos_clash(offered, asked) is not None) == refused


@given(profiles)
def test_what_is_left_alone_has_no_limit(profile):
    limits = profile.deadline, profile.liveliness_lease_duration
    clash = qos_clash(QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                                 durability=DurabilityPolicy.TRANSIENT_LOCAL,
                                 liveliness=LivelinessPolicy.MANUAL_BY_TOPIC), profile)
    assert (clash is None) == all(limit == FOREVER for limit in limits)


@pytest.mark.parametrize("unknown", [ReliabilityPolicy.UNKNOWN, ReliabilityPolicy.SYSTEM_DEFAULT])
def test_what_is_unknown_is_no_clash(unknown):
    assert qos_clash(QoSProfile(depth=1, reliability=unknown), RELIABLE) is None


def test_lines_name_the_end_the_policy_and_what_to_do():
    subscription = SimpleNamespace(qos_profile=RELIABLE)
    image, compressed = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
    assert unheard_publishers(subscription, [_endpoint(RELIABLE), _endpoint(BEST_EFFORT)], image) == [
        "publisher /front/driver offers best_effort, we ask reliable: set reliability:=best_effort"]
    assert unheard_publishers(subscription, [_endpoint(RELIABLE, compressed)], image)[0].startswith(
        f"publisher /front/driver offers {compressed}, we ask {image}: set image_transport")
    publisher = SimpleNamespace(qos_profile=RELIABLE, topic_name="/segmentation/labels")
    asked = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    assert unserved_subscribers(publisher, [_endpoint(BEST_EFFORT), _endpoint(asked)], image) == [
        "subscriber /front/driver asks transient_local, /segmentation/labels offers volatile: "
        "change the subscriber's durability"]
    assert unserved_subscribers(publisher, [_endpoint(BEST_EFFORT, compressed)], image) == [
        f"subscriber /front/driver asks {compressed}, /segmentation/labels offers {image}: "
        "change the subscriber's type"]
    hostile = unheard_publishers(subscription, [_endpoint(RELIABLE, "\x1b[2J" + "x" * 10**6)], image)[0]
    assert hostile.startswith("publisher /front/driver offers \\x1b[2Jxxx") and len(hostile) < 400
    assert qos_clash(RELIABLE, QoSProfile(depth=1, deadline=Duration(seconds=1))) == Clash(
        "deadline", "no limit", "1 s")
