"""CameraStream: one camera's subscription, its waiting image, and the account of all its images."""

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional

import numpy as np

from bisenet_core.errors import printable
from bisenet_core.images.doubts import Doubt
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.arrivals import LOOKED_BACK, Arrival, Loss, large_image_loss
from bisenet_ros.frame_account import FrameAccount, StageTimes
from bisenet_ros.image_messages import TRANSPORTS, ImageMessage, image_qos
from bisenet_ros.inference_worker import Mailbox
from bisenet_ros.labelling import Outcome, failure, label_image, publish_image, stage_times, this_moment
from bisenet_ros.outputs import LabelOutputs
from bisenet_ros.parameters import SegmentationParameters
from bisenet_ros.peers import Mismatches, read_peers, unheard_publishers

_LOG_EVERY_S = 5.0


class ReceivedImage(NamedTuple):
    """A message and when it came, on time.monotonic()."""

    message: ImageMessage
    received: float


class CameraStream:
    """Receives images while active; each is then published, dropped or failed, and counted as that.

    ``receive`` runs in the executor's thread and ``serve`` in the worker's. ``on_image`` is called when an
    image waits to be served. The account outlives a cleanup, the times a deactivation.
    A camera with a ``name`` has its images on <name>/image, one without on image.
    """

    def __init__(self, node: Any, account: FrameAccount, outputs: LabelOutputs,
                 settings: SegmentationParameters, on_image: Callable[[], None], name: str = "") -> None:
        self.account = account
        self.outputs = outputs
        self.settings = settings  # replaced as a whole when a parameter changes
        self.times = StageTimes()
        self.last_received: Optional[float] = None
        self._arrivals: Deque[Arrival] = deque(maxlen=LOOKED_BACK)
        self.last_failure = ""
        self.doubts: List[Doubt] = []  # of the last image that was read
        self.topic_name = f"{name}/image" if name else "image"  # to remap
        self.topic = ""  # resolved, once there has been a subscription
        self._image_topic = ""  # resolved, without what the transport adds
        self._subscribed_name = ""
        self._node = node
        self._transport = TRANSPORTS[settings.image_transport]
        self._on_image = on_image
        self._mailbox = Mailbox()
        self._lock = threading.Lock()
        self._in_work: Optional[ReceivedImage] = None
        self._publishing = False
        self._subscription: Any = None
        self._logged: Dict[str, float] = {}

    def subscribe(self) -> None:
        """Begin to receive."""
        self.last_received, self.doubts = None, []
        self._arrivals.clear()
        self._image_topic = self._node.resolve_topic_name(self.topic_name)
        self._subscribed_name = self.topic_name
        if self._transport.topic_suffix:
            self._subscribed_name = self._image_topic + self._transport.topic_suffix
        self._subscription = self._node.create_subscription(
            self._transport.message_type, self._subscribed_name, self.receive,
            image_qos(self.settings.reliability))
        self.topic = self._subscription.topic_name

    def unsubscribe(self) -> None:
        """Stop receiving; an image that waits is dropped."""
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            self._node.destroy_subscription(subscription)
        if self._mailbox.take() is not None:
            self.account.settle("dropped", "deactivated")

    def unheard(self) -> Mismatches:
        """The publishers on the topic whose type or QoS keeps their images from this camera."""
        if self._subscription is None:
            return Mismatches([], [])
        # by the name given to create_subscription, since this call too remaps
        peers = read_peers(self._node.get_publishers_info_by_topic, self._subscribed_name, self.topic)
        return Mismatches(unheard_publishers(self._subscription, peers.endpoints, self._transport.type_name),
                          list(peers.unread))

    def loss(self) -> Optional[Loss]:
        """What was lost of large images before they came here, or None."""
        return large_image_loss(self._arrivals)

    def elsewhere(self) -> str:
        """What to set where nothing publishes the topic, by its name and the topics beside it, or ""."""
        suffix, topic = TRANSPORTS["compressed"].topic_suffix, self._image_topic
        if not topic:
            return ""
        shorter = topic[:-len(suffix)] if topic.endswith(suffix) else ""
        compressed = self._transport.topic_suffix == suffix
        if shorter and compressed:
            return f"set `{self.topic_name}` to {shorter}: image_transport:=compressed adds {suffix} to it"
        if self._node.count_publishers(topic if compressed else topic + suffix):
            return (f"{topic} is published: set image_transport:=raw" if compressed else
                    f"{topic}{suffix} is published: set image_transport:=compressed")
        if shorter and self._node.count_publishers(shorter):
            return f"{shorter} is published: set `{self.topic_name}` to it"
        return ""

    def clock_stands(self) -> bool:
        """Whether time is simulated and has not begun, so that no image has an age."""
        return self._node.get_clock().now().nanoseconds == 0

    def receive(self, message: ImageMessage) -> None:
        """Take an image in; it replaces one that still waits."""
        self.account.receive()
        self.last_received = time.monotonic()
        self._arrivals.append(Arrival(message.header.stamp, len(message.data)))
        if self._mailbox.put(ReceivedImage(message, self.last_received)) is not None:
            self.account.settle("dropped", "superseded")
        if self._subscription is None:  # this call was already on its way when the subscription ended
            self.unsubscribe()
        self._on_image()

    def serve(self, segmenter: Segmenter) -> bool:
        """Label and publish the waiting image; returns whether there was one. Only logging could raise."""
        item = self._in_work = self._mailbox.take()
        if item is None:
            return False
        outcome = self._outcome(item, segmenter)
        counted = self._count(item, outcome)
        if outcome.times:
            self.times.add(dict(outcome.times, age=1e3 * self._age_s(item.message)))
        self._log_failures(outcome, counted)
        return True

    def abandon(self) -> None:
        """Give up the image in work, whose network does not return; if it does, nothing is published."""
        with self._lock:
            if self._in_work is not None and not self._publishing:
                self._in_work = None
                self.account.settle("failed", "abandoned")

    def _outcome(self, item: ReceivedImage, segmenter: Segmenter) -> Outcome:
        """Label the image and publish its labels, unless there is a reason not to."""
        try:
            reason = self._reason_to_drop(item.message)
            if reason:
                self.doubts = []  # what was said of an image before says nothing of this one
                return Outcome("dropped", reason)
            labelled, timing = label_image(
                item.message, self._transport.read, segmenter, self.settings, self.outputs)
            self._note_doubts(item.message, labelled.image)
            if self._too_old(item.message):  # by now: however long the network has taken
                now = this_moment()
                return Outcome("dropped", "too_old", times=stage_times(item.received, timing, now.wall, now))
        except Exception as error:  # whatever it is, the next image may be better
            return failure(error)
        if not self._begin_publishing(item):
            return Outcome("given up")
        return publish_image(labelled, timing, item.received, self.outputs)

    def _note_doubts(self, message: ImageMessage, image: np.ndarray) -> None:
        """Count and keep why an image that could be read may have been read wrongly."""
        self.doubts = self._transport.doubt(message, image, self.settings.significant_bits)
        for doubt in self.doubts:
            self.account.doubt(doubt.kind)

    def _begin_publishing(self, item: ReceivedImage) -> bool:
        """Whether the image is still in work; from here on it cannot be abandoned."""
        with self._lock:
            self._publishing = self._in_work is item
            return self._publishing

    def _count(self, item: ReceivedImage, outcome: Outcome) -> bool:
        """Account for the image in work; returns False for one that was given up, and so is counted."""
        with self._lock:
            if self._in_work is not item:
                return False
            self._in_work, self._publishing = None, False
            if outcome.kind == "failed":
                self.last_failure = outcome.text  # first: whoever sees the count looks for the text
            self.account.settle(outcome.kind, outcome.reason)
            return True

    def _reason_to_drop(self, message: ImageMessage) -> str:
        if self.settings.max_image_age and self.clock_stands():
            return "no_clock"
        if self._too_old(message):
            return "too_old"
        return "" if self.outputs.wanted() else "no_subscriber"

    def _too_old(self, message: ImageMessage) -> bool:
        limit = self.settings.max_image_age
        return limit > 0 and self._age_s(message) > limit

    def _age_s(self, message: ImageMessage) -> float:
        # Not with rclpy's Time, which refuses a stamp before 1970.
        stamp = message.header.stamp
        return (self._node.get_clock().now().nanoseconds - stamp.nanosec) / 1e9 - stamp.sec

    def _log_failures(self, outcome: Outcome, counted: bool) -> None:
        kind, reason, text, *_ = outcome
        if kind == "failed" and counted:
            self._log(reason, f"image on {self.topic} not labelled ({reason}): {text}")
        elif kind == "failed":
            self._log("afterwards", f"after an image on {self.topic} had been dealt with: {text}")
        for output in outcome.left_out:
            self._log("output", f"labels went out, but not {output}")

    def _log(self, kind: str, text: str) -> None:
        """Log an error, unless one of this kind has just been logged."""
        now = time.monotonic()
        if now - self._logged.get(kind, -_LOG_EVERY_S) >= _LOG_EVERY_S:
            self._logged[kind] = now
            self._node.get_logger().error(printable(text))
