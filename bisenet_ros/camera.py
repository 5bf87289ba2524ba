"""CameraStream: one camera's subscription, mailbox, outputs, and the account of its images."""

import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from bisenet_core.errors import DeviceError
from bisenet_core.images.encodings import ImageError
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.frame_account import FrameAccount
from bisenet_ros.labelling import Labelling
from bisenet_ros.mailbox import Mailbox
from bisenet_ros.outputs import LabelOutputs, PublishingError
from bisenet_ros.parameters import SegmentationParameters
from bisenet_ros.qos_match import unheard_publishers
from bisenet_ros.stage_times import StageTimes
from bisenet_ros.transports import TRANSPORTS, ImageMessage, image_qos

_LOG_EVERY_S = 5.0


class ReceivedImage(NamedTuple):
    """A message and when it came, on time.monotonic()."""

    message: ImageMessage
    received: float


class CameraStream:
    """Receives images while active, and brings each to its end: published, dropped or failed.

    ``receive`` runs in the executor's thread and ``serve`` in the worker's. ``on_image`` is called when there
    is something to serve. The account outlives a cleanup, the times a deactivation.
    A camera with a ``name`` has its images on <name>/image, one without on image.
    """

    def __init__(self, node: Any, account: FrameAccount, outputs: LabelOutputs,
                 settings: SegmentationParameters, on_image: Callable[[], None], name: str = "") -> None:
        self.account = account
        self.outputs = outputs
        self.settings = settings  # replaced as a whole when a parameter changes
        self.times = StageTimes()
        self.last_received: Optional[float] = None
        self.last_failure = ""
        self.topic_name = f"{name}/image" if name else "image"  # to remap
        self.topic = ""  # resolved, once there has been a subscription
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
        self.last_received = None
        self._subscribed_name = self.topic_name
        if self._transport.topic_suffix:
            self._subscribed_name = (
                self._node.resolve_topic_name(self.topic_name) + self._transport.topic_suffix)
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
            self.account.drop("deactivated")

    def unheard(self) -> List[str]:
        """A line for each publisher on the topic whose type or QoS keeps its images from this camera."""
        if self._subscription is None:
            return []
        # by the name given to create_subscription, since this call too remaps
        endpoints = self._node.get_publishers_info_by_topic(self._subscribed_name)
        return unheard_publishers(self._subscription, endpoints, self._transport.type_name)

    def clock_stands(self) -> bool:
        """Whether time is simulated and has not begun, so that no image has an age."""
        return self._node.get_clock().now().nanoseconds == 0

    def receive(self, message: ImageMessage) -> None:
        """Take an image in; it replaces one that still waits."""
        self.account.receive()
        self.last_received = time.monotonic()
        if self._mailbox.put(ReceivedImage(message, self.last_received)) is not None:
            self.account.drop("superseded")
        if self._subscription is None:  # this call was already on its way when the subscription ended
            self.unsubscribe()
        self._on_image()

    def serve(self, segmenter: Segmenter) -> bool:
        """Bring the waiting image to its end; returns whether there was one. Only logging could raise."""
        item = self._in_work = self._mailbox.take()
        if item is None:
            return False
        try:
            self._bring_to_end(item, segmenter)
        except ImageError as error:
            self._fail(item, error.reason, str(error))
        except PublishingError as error:
            self._fail(item, "publishing", str(error))
        except DeviceError as error:
            self._fail(item, "device", str(error))
        except Exception as error:  # whatever it is, the next image may be better
            self._fail(item, "inference", _text(error))
        return True

    def abandon(self) -> None:
        """Give up the image in work, whose network does not return; if it does, nothing is published."""
        with self._lock:
            if self._in_work is not None and not self._publishing:
                self._in_work = None
                self.account.fail("abandoned")

    def _bring_to_end(self, item: ReceivedImage, segmenter: Segmenter) -> None:
        reason = self._reason_to_drop(item.message)
        if reason:
            self._settle(item, self.account.drop, reason)
            return
        labelling = Labelling(item.message)
        labelling.label(self._transport.read, segmenter, self.settings, self.outputs)
        if not self._begin_publishing(item):
            return
        sent = labelling.publish(self.outputs)
        if not sent.messages:  # whoever wanted them has left meanwhile
            self._settle(item, self.account.drop, "no_subscriber")
            return
        self._settle(item, self.account.publish)
        self.times.add(dict(labelling.stages(item.received), age=1e3 * self._age_s(item.message)))
        for text in sent.failures:
            self._log("output", f"labels went out, but not {text}")

    def _begin_publishing(self, item: ReceivedImage) -> bool:
        """Whether the image is still in work; from here on it cannot be abandoned."""
        with self._lock:
            self._publishing = self._in_work is item
            return self._publishing

    def _settle(self, item: ReceivedImage, fate: Callable[..., None], *reason: str) -> bool:
        """Give the image in work its fate; returns False for one that has its fate already."""
        with self._lock:
            if self._in_work is not item:
                return False
            self._in_work, self._publishing = None, False
            fate(*reason)
            return True

    def _reason_to_drop(self, message: ImageMessage) -> str:
        limit = self.settings.max_image_age
        if limit and self.clock_stands():
            return "no_clock"
        if limit and self._age_s(message) > limit:
            return "too_old"
        return "" if self.outputs.wanted() else "no_subscriber"

    def _age_s(self, message: ImageMessage) -> float:
        # Not with rclpy's Time, which refuses a stamp before 1970.
        stamp = message.header.stamp
        return (self._node.get_clock().now().nanoseconds - stamp.nanosec) / 1e9 - stamp.sec

    def _fail(self, item: ReceivedImage, reason: str, text: str) -> None:
        if self._settle(item, self._count_failure, reason, text):
            self._log(reason, f"image on {self.topic} not labelled ({reason}): {text}")
        else:  # it has been labelled, or given up
            self._log("afterwards", f"after an image on {self.topic} had been dealt with: {text}")

    def _count_failure(self, reason: str, text: str) -> None:
        self.last_failure = text  # before it is counted: whoever sees the count looks for the text
        self.account.fail(reason)

    def _log(self, kind: str, text: str) -> None:
        """Log an error, unless one of this kind has just been logged."""
        now = time.monotonic()
        if now - self._logged.get(kind, -_LOG_EVERY_S) >= _LOG_EVERY_S:
            self._logged[kind] = now
            self._node.get_logger().error(text)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
