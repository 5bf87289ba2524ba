"""CameraStream: one camera's subscription, mailbox, outputs, and the account of its images."""

import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from bisenet_core.image_encodings import ImageError
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.frame_account import FrameAccount
from bisenet_ros.image_messages import image_from_msg
from bisenet_ros.mailbox import Mailbox
from bisenet_ros.outputs import LabelOutputs, PublishingError
from bisenet_ros.parameters import SegmentationParameters
from bisenet_ros.stage_times import StageTimes

_LOG_EVERY_S = 5.0


class ReceivedImage(NamedTuple):
    """A message and when it came, on time.monotonic()."""

    message: Image
    received: float


class CameraStream:
    """Receives images while active, and brings each to its end: published, dropped or failed.

    ``receive`` runs in the executor's thread and ``serve`` in the worker's. ``on_image`` is called when there
    is something to serve. The account outlives a cleanup, the times a deactivation.
    """

    def __init__(self, node: Any, account: FrameAccount, outputs: LabelOutputs,
                 settings: SegmentationParameters, on_image: Callable[[], None]) -> None:
        self.account = account
        self.settings = settings  # replaced as a whole when a parameter changes
        self.times = StageTimes()
        self.last_received: Optional[float] = None
        self.last_failure = ""
        self.topic = ""  # resolved, once there has been a subscription
        self._node = node
        self._outputs = outputs
        self._on_image = on_image
        self._mailbox = Mailbox()
        self._subscription: Any = None
        self._logged: Dict[str, float] = {}

    def subscribe(self) -> None:
        """Begin to receive."""
        self.last_received = None
        self._subscription = self._node.create_subscription(
            Image, "image", self.receive, image_qos(self.settings.reliability))
        self.topic = self._subscription.topic_name

    def unsubscribe(self) -> None:
        """Stop receiving; an image that waits is dropped."""
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            self._node.destroy_subscription(subscription)
        if self._mailbox.take() is not None:
            self.account.drop("deactivated")

    def receive(self, message: Image) -> None:
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
        item = self._mailbox.take()
        if item is None:
            return False
        try:
            reason = self._reason_to_drop(item.message)
            if reason:
                self.account.drop(reason)
                return True
            timings, failures = self._label(item, segmenter)
            self.account.publish()
        except ImageError as error:
            self._fail(error.reason, str(error))
        except PublishingError as error:
            self._fail("publishing", str(error))
        except Exception as error:  # whatever it is, the next image may be better
            self._fail("inference", _text(error))
        else:  # the image has its fate; what goes wrong from here on must not give it a second one
            self._note_times(item, timings)
            for text in failures:
                self._log("output", f"labels went out, but not {text}")
        return True

    def _reason_to_drop(self, message: Image) -> str:
        limit = self.settings.max_image_age
        if limit and self._age_s(message) > limit:
            return "too_old"
        return "" if self._outputs.wanted() else "no_subscriber"

    def _label(self, item: ReceivedImage, segmenter: Segmenter) -> Tuple[Dict[str, float], List[str]]:
        """Label and publish; returns the timings, and the masks or overlay that could not follow."""
        image, color_order = image_from_msg(item.message)
        segmentation = segmenter.segment(image, color_order)
        try:
            failures = self._outputs.publish(item.message.header, image, color_order, segmentation.labels,
                                             self.settings.overlay_alpha)
        except Exception as error:
            raise error if isinstance(error, PublishingError) else PublishingError(_text(error)) from error
        return segmentation.timings, failures

    def _note_times(self, item: ReceivedImage, timings: Dict[str, float]) -> None:
        stages = {name[:-len("_ms")]: value for name, value in timings.items()}
        stages["segment"] = stages.pop("total")
        stages["latency"] = 1e3 * (time.monotonic() - item.received)  # from receipt
        stages["age"] = 1e3 * self._age_s(item.message)               # from the camera's stamp
        self.times.add(stages)

    def _age_s(self, message: Image) -> float:
        # Not with rclpy's Time, which refuses a stamp before 1970.
        stamp = message.header.stamp
        return (self._node.get_clock().now().nanoseconds - stamp.nanosec) / 1e9 - stamp.sec

    def _fail(self, reason: str, text: str) -> None:
        self.account.fail(reason)
        self.last_failure = text
        self._log(reason, f"image on {self.topic} not labelled ({reason}): {text}")

    def _log(self, kind: str, text: str) -> None:
        """Log an error, unless one of this kind has just been logged."""
        now = time.monotonic()
        if now - self._logged.get(kind, -_LOG_EVERY_S) >= _LOG_EVERY_S:
            self._logged[kind] = now
            self._node.get_logger().error(text)


def image_qos(reliability: str) -> QoSProfile:
    """QoS of an image subscription: sensor data (REP 2003), depth 1, since an image that waits only ages."""
    policies = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, durability=DurabilityPolicy.VOLATILE,
                      reliability=policies[reliability])


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
