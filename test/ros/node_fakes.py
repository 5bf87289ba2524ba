"""As much of a node and of a Segmenter as a camera and a pipeline need, without DDS and without a network."""

import logging
from types import SimpleNamespace

import numpy as np
from rclpy.clock import Clock, ClockType
from std_msgs.msg import Header

from bisenet_core.errors import InferenceError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.runtime.segmenter import Segmentation
from bisenet_ros.image_messages import image_to_msg


class Node:
    """A clock, a logger, the publishers by name without "~/", and the subscriptions' callbacks by topic."""

    def __init__(self):
        self.receivers, self.publishers = {}, Publishers()
        self._clock = Clock(clock_type=ClockType.ROS_TIME)

    def get_clock(self):
        return self._clock

    def get_logger(self):
        return logging.getLogger("fake_node")

    def resolve_topic_name(self, topic):
        return "/car/" + topic

    def create_publisher(self, kind, name, qos):
        return self.publishers.setdefault(name[2:], Publisher(name))

    def destroy_publisher(self, publisher):
        del self.publishers[publisher.topic_name[2:]]

    def create_subscription(self, kind, topic, callback, qos):
        self.receivers[topic] = callback
        return SimpleNamespace(topic_name=topic)

    def destroy_subscription(self, subscription):
        self.receivers.pop(subscription.topic_name, None)


class Publisher:
    """A publisher with one subscriber, unless told otherwise; it notes what it sends, and may break."""

    order = []  # topics, over all publishers

    def __init__(self, topic_name):
        self.topic_name, self.subscribers, self.broken, self.sent = topic_name, 1, False, []

    def get_subscription_count(self):
        return self.subscribers

    def publish(self, message):
        if self.broken:
            raise RuntimeError("publisher's context is invalid")
        self.sent.append(message)
        self.order.append(self.topic_name)


class Publishers(dict):
    """All that the node has made, by name."""

    def all(self, **changes):
        for publisher in self.values():
            vars(publisher).update(changes)


class Network:
    """A Segmenter that fails on demand; ``meanwhile`` is called while it labels. Its confidence is 128."""

    label_space = CAMVID_11

    def __init__(self, *arguments):
        self.broken, self.closed, self.meanwhile = False, False, lambda: None
        self.backend = SimpleNamespace(input_size=(8, 4), infer=self._warm_up)
        self.warmed_up_with = None

    def segment(self, image, color_order, with_confidence, drawing):
        self.meanwhile()
        if self.broken:
            raise InferenceError("the network gave no usable answer")
        confidence = np.full(image.shape[:2], 128, np.uint8) if with_confidence else None
        return Segmentation(np.zeros(image.shape[:2], np.uint8), confidence, {"total_ms": 1.0})

    def close(self):
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _warm_up(self, image, color_order):
        self.warmed_up_with = image.shape, image.dtype


def small_message(truncated=False, second=0):
    """A camera's image, 6x4 pixels rgb8."""
    message = image_to_msg(np.zeros((4, 6, 3), np.uint8), "rgb8", Header(frame_id="camera"))
    message.header.stamp.sec = second
    if truncated:
        message.data = message.data[:-1]
    return message


def check_account(counts, most_pending=1):
    """Every image is accounted for, and few are pending."""
    assert 0 <= counts.pending <= most_pending
    assert counts.received == (counts.published + sum(counts.dropped.values())
                               + sum(counts.failed.values()) + counts.pending)
