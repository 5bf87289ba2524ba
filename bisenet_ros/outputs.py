"""Publish one camera's results: labels, confidence, masks and pictures, those with subscribers only."""

import threading
import time
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from bisenet_core.images.encodings import to_rgb
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.visualization import colourise, for_display, overlay
from bisenet_core.runtime.backend import Drawing
from bisenet_ros.image_messages import image_to_msg, labels_to_msg, labels_to_png_msg
from bisenet_ros.label_info import LabelInfoPublisher
from bisenet_ros.peers import Mismatches, read_peers, unserved_subscribers

#: A reliable publisher matches reliable and best-effort subscribers alike. It never waits for a slow one: of
#: the last five images it repeats what such a subscriber has missed, older ones are gone.
OUTPUT_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE, liveliness=LivelinessPolicy.AUTOMATIC)


class LabelledImage(NamedTuple):
    """What every output is made from."""

    header: Header                    # the image's own, for all of them
    image: np.ndarray                 # uint8 HxWxC or HxW
    color_order: str
    labels: np.ndarray                # uint8 HxW
    confidence: Optional[np.ndarray]  # uint8 HxW, or None where it was not computed
    overlay_alpha: float
    palette: str                      # "card" or "display"
    masks: Dict[int, np.ndarray]      # by class: those that the backend has drawn
    overlay: Optional[np.ndarray]     # uint8 HxWx3 RGB, or None where the backend has drawn none


class Sent(NamedTuple):
    """What went out of one image's results."""

    messages: int        # that were published
    first_out: float     # when the first of them was, the labels if wanted, on time.monotonic()
    failures: List[str]  # a line for each output that could not be published


class _Output(NamedTuple):
    """A publisher, the name it was made with, and what makes its messages: None for nothing to send."""

    publisher: Any
    name: str
    to_msg: Callable[[LabelledImage], Any]

    def wanted(self) -> bool:
        return self.publisher.get_subscription_count() > 0

    def publish(self, labelled: LabelledImage) -> Tuple[Optional[float], str]:
        """Publish what is made of the image; returns when it went out, or None, and what failed, or ""."""
        try:
            message = self.to_msg(labelled)
            if message is None:
                return None, ""
            self.publisher.publish(message)
        except Exception as error:
            return None, f"{self.publisher.topic_name}: {type(error).__name__}: {error}"
        return time.monotonic(), ""


class LabelOutputs:
    """Publishes ``~/labels`` and all that comes of them; ``prefix`` is a camera's "name/" or "".

    These are plain publishers rather than lifecycle ones, because an inactive node has no images to publish
    for, and subscribers may match before it is activated. One thread publishes, another does all the rest.
    """

    def __init__(self, node: Any, label_space: LabelSpace, prefix: str = "") -> None:
        self._node = node
        self._label_space = label_space
        self._palettes = {"card": label_space, "display": for_display(label_space)}
        # A GPU holds the card's colours already.
        self._drawn_in = {"card": None, "display": self._palettes["display"].palette_lut()}
        self._prefix = prefix
        self._lock = threading.Lock()
        self._labels = self._create("labels", lambda one: labels_to_msg(one.labels, one.header))
        self._confidence = self._create("confidence", _confidence_msg)
        self._colors = self._create("labels_color", self._colors_msg)
        self._overlay = self._create("overlay", self._overlay_msg)
        self._png = self._create(
            "labels/compressed", lambda one: labels_to_png_msg(one.labels, one.header), CompressedImage)
        self._masks: Dict[int, _Output] = {}
        self._outputs = self._in_order()
        self._label_info = LabelInfoPublisher(node, label_space, prefix)

    @property
    def labels_topic(self) -> str:
        """The labels' topic, resolved."""
        return self._labels.publisher.topic_name

    def unserved(self) -> Mismatches:
        """The subscribers whose type or QoS keeps an output from them."""
        found = Mismatches([], [])
        for output in self._outputs:
            peers = read_peers(self._node.get_subscriptions_info_by_topic, output.name,
                               output.publisher.topic_name)
            found.lines.extend(unserved_subscribers(
                output.publisher, peers.endpoints, "sensor_msgs/msg/" + output.publisher.msg_type.__name__))
            found.unread.extend(peers.unread)
        return found

    def set_masks(self, class_ids: Iterable[int]) -> None:
        """Publish masks of these classes, and of no others."""
        wanted = sorted(set(class_ids))
        before = self._masks
        self._masks = {class_id: before.get(class_id) or self._create_mask(class_id) for class_id in wanted}
        with self._lock:  # not while one of them publishes
            self._outputs = self._in_order()
            for class_id in set(before) - set(wanted):
                self._node.destroy_publisher(before[class_id].publisher)

    def publish_label_info(self, min_confidence: float) -> None:
        """Publish what the ids mean, and the confidence below which there is none, where that has changed."""
        self._label_info.publish(min_confidence)

    def wanted(self) -> bool:
        """Whether anybody subscribes to anything that images give."""
        with self._lock:
            return any(output.wanted() for output in self._outputs)

    def confidence_wanted(self) -> bool:
        """Whether anybody subscribes to the confidence."""
        return self._confidence.wanted()

    def drawing(self, overlay_alpha: float, min_confidence: float, palette: str) -> Optional[Drawing]:
        """The masks and the overlay that somebody subscribes to, or None; ``palette`` is card or display."""
        with self._lock:
            masks = tuple(class_id for class_id, output in self._masks.items() if output.wanted())
            overlay_wanted = self._overlay.wanted()
        if not masks and not overlay_wanted:
            return None
        return Drawing(masks, overlay_alpha if overlay_wanted else None, min_confidence,
                       self._drawn_in[palette])

    def publish(self, labelled: LabelledImage) -> Sent:
        """Publish what is subscribed to; nothing goes out of an image whose labels do not."""
        results = []
        with self._lock:
            for output in filter(_Output.wanted, self._outputs):
                results.append(output.publish(labelled))
                if output is self._labels and results[0][1]:
                    break
        sent = [when for when, _ in results if when is not None]
        return Sent(len(sent), sent[0] if sent else 0.0, [failure for _, failure in results if failure])

    def close(self) -> None:
        """Destroy the publishers."""
        with self._lock:
            for output in self._outputs:
                self._node.destroy_publisher(output.publisher)
            self._outputs = ()
            self._label_info.close()

    def _in_order(self) -> Tuple[_Output, ...]:
        # Labels first, since a planner waits for them, and PNG, the slowest, last.
        return (self._labels, self._confidence, *self._masks.values(), self._colors,
                self._overlay, self._png)

    def _create(self, name: str, to_msg: Callable[[LabelledImage], Any], kind: type = Image) -> _Output:
        name = f"~/{self._prefix}{name}"
        return _Output(self._node.create_publisher(kind, name, OUTPUT_QOS), name, to_msg)

    def _create_mask(self, class_id: int) -> _Output:
        return self._create("masks/" + self._label_space.topic_name(class_id), partial(_mask_msg, class_id))

    def _colors_msg(self, labelled: LabelledImage) -> Image:
        picture = colourise(labelled.labels, self._palettes[labelled.palette])
        return image_to_msg(picture, "rgb8", labelled.header)

    def _overlay_msg(self, labelled: LabelledImage) -> Image:
        picture = labelled.overlay
        if picture is None:
            image = to_rgb(labelled.image, labelled.color_order)
            space = self._palettes[labelled.palette]
            picture = overlay(image, labelled.labels, space, labelled.overlay_alpha)
        return image_to_msg(picture, "rgb8", labelled.header)


def _confidence_msg(labelled: LabelledImage) -> Optional[Image]:
    if labelled.confidence is None:  # the subscriber came after this image was labelled
        return None
    return image_to_msg(labelled.confidence, "mono8", labelled.header)


def _mask_msg(class_id: int, labelled: LabelledImage) -> Image:
    mask = labelled.masks.get(class_id)
    if mask is None:  # not drawn by the backend, or wanted only since
        mask = np.equal(labelled.labels, class_id).view(np.uint8) * np.uint8(255)
    return image_to_msg(mask, "mono8", labelled.header)
