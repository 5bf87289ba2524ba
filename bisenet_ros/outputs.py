"""LabelOutputs: the publishers of one camera's results. What nobody subscribes to costs nothing."""

import threading
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Tuple

import numpy as np
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.image_encodings import to_rgb
from bisenet_core.label_space import LabelSpace
from bisenet_core.visualization import overlay
from bisenet_ros.image_messages import image_to_msg, labels_to_msg

#: A reliable publisher matches reliable and best-effort subscribers alike. It never waits for a slow one: of
#: the last five images it repeats what such a subscriber has missed, older ones are gone.
OUTPUT_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE)


_Picture = Tuple[Any, Callable[[], Image]]


class PublishingError(Exception):
    """Results were there, but could not be sent."""


class LabelOutputs:
    """Publishes ``~/labels``, ``~/overlay`` and ``~/masks/<class>``; ``prefix`` is a camera's "name/" or "".

    These are plain publishers rather than lifecycle ones, because an inactive node has no images to publish
    for, and subscribers may match before it is activated. Masks may change while another thread publishes.
    """

    def __init__(self, node: Any, label_space: LabelSpace, prefix: str = "") -> None:
        self._node = node
        self._label_space = label_space
        self._prefix = prefix
        self._lock = threading.Lock()
        self._labels = self._create("labels")
        self._overlay = self._create("overlay")
        self._masks: Dict[int, Any] = {}

    @property
    def labels_topic(self) -> str:
        """The labels' topic, resolved."""
        return self._labels.topic_name

    def set_masks(self, class_ids: Iterable[int]) -> None:
        """Publish masks of these classes, and of no others."""
        wanted = set(class_ids)
        with self._lock:
            for class_id in set(self._masks) - wanted:
                self._node.destroy_publisher(self._masks.pop(class_id))
            for class_id in sorted(wanted - set(self._masks)):
                self._masks[class_id] = self._create("masks/" + self._label_space.topic_name(class_id))

    def wanted(self) -> bool:
        """Whether anybody subscribes to anything."""
        with self._lock:
            return any(map(_has_subscribers, self._publishers()))

    def publish(self, header: Header, image: np.ndarray, color_order: str, labels: np.ndarray,
                alpha: float) -> List[str]:
        """Publish what is subscribed to, with ``header`` itself; returns a line for each that failed.

        ``image`` is uint8 HxWxC or HxW in ``color_order``, ``labels`` HxW uint8; ``alpha`` is the overlay's.
        Raises whatever kept the labels back, or a PublishingError where all that was wanted failed.
        """
        with self._lock:
            # Labels first: a planner waits for them.
            labels_wanted = _has_subscribers(self._labels)
            if labels_wanted:
                self._labels.publish(labels_to_msg(labels, header))
            pictures = self._pictures(header, image, color_order, labels, alpha)
            failures = [text for text in map(_failure, pictures) if text]
        if failures and len(failures) == len(pictures) and not labels_wanted:
            raise PublishingError(failures[0])
        return failures

    def close(self) -> None:
        """Destroy the publishers."""
        with self._lock:
            for publisher in self._publishers():
                self._node.destroy_publisher(publisher)

    def _pictures(self, header: Header, image: np.ndarray, color_order: str, labels: np.ndarray,
                  alpha: float) -> List[_Picture]:
        """The masks and the overlay: each publisher that has subscribers, with what makes its message."""
        pictures: List[_Picture] = [(publisher, partial(_mask, labels, class_id, header))
                                    for class_id, publisher in self._masks.items()]
        pictures.append((self._overlay, lambda: image_to_msg(
            overlay(to_rgb(image, color_order), labels, self._label_space, alpha), "rgb8", header)))
        return [picture for picture in pictures if _has_subscribers(picture[0])]

    def _publishers(self) -> List[Any]:
        return [self._labels, self._overlay] + list(self._masks.values())

    def _create(self, name: str) -> Any:
        return self._node.create_publisher(Image, f"~/{self._prefix}{name}", OUTPUT_QOS)


def _has_subscribers(publisher: Any) -> bool:
    return publisher.get_subscription_count() > 0


def _failure(picture: _Picture) -> str:
    """Publish; returns what went wrong, or an empty text."""
    publisher, make_message = picture
    try:
        publisher.publish(make_message())
    except Exception as error:
        return f"{publisher.topic_name}: {type(error).__name__}: {error}"
    return ""


def _mask(labels: np.ndarray, class_id: int, header: Header) -> Image:
    return image_to_msg(np.equal(labels, class_id).view(np.uint8) * np.uint8(255), "mono8", header)
