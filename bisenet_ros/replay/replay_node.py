"""The replay node: plays a bag into the running segmentation node and scores what comes back over DDS.

`ros2 run bisenet_ros replay_node --ros-args -p bag:=sample_drive -p model:=camvid_bisenetv2`, or
replay.launch.py for both nodes at once. Exit status 0 when the drive was played, or stopped by SIGINT or
SIGTERM; 2 when it could not be, or not to its end, or when nothing was labelled or, where there is ground
truth, scored. live.json is written wherever playing began.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.opening import open_truth
from bisenet_core.errors import InputError, printable
from bisenet_core.images.encodings import ImageError
from bisenet_core.runtime.memory import keep_freed_memory
from bisenet_core.runtime.model_card import ModelCard
from bisenet_ros.dds_profile import use_large_image_profile
from bisenet_ros.harness.live_account import LiveAccount
from bisenet_ros.harness.node_watch import listen, spinning
from bisenet_ros.harness.player import Player, Timeline, create_camera, stamp_ns, to_stamp
from bisenet_ros.image_messages import labels_from_msg
from bisenet_ros.parameter_files import warn_of_unmatched_files
from bisenet_ros.pipeline import model_folder
from bisenet_ros.replay.live_results import summary_lines
from bisenet_ros.replay.live_scorer import LiveScorer
from bisenet_ros.replay.parameters import declare_parameters
from bisenet_ros.replay.recorded_times import frames_to_play, stamps_problem
from bisenet_ros.replay.session import ReplaySession

NODE_NAME = "replay"
BAD_INPUT = 2

_CLOCK_PERIOD_S = 0.01


class ReplayNode(Node):
    """Publishes ``image`` and hears ``segmentation/labels``; ``~/pause`` stops and goes on.

    With the parameter ``clock``, /clock runs with the recorded time. Raises InputError or rclpy's
    ParameterException for what cannot be played.
    """

    def __init__(self) -> None:
        super().__init__(NODE_NAME)
        self.settings = declare_parameters(self)
        self.card = ModelCard.load(model_folder(self.settings.model, self.get_logger()))
        self.truth = open_truth(self.settings.labels, self.settings.label_topic, self.settings.bag,
                                self.card.label_space)
        self.recording = BagDrive(self.settings.bag, self.settings.topic, self.truth, None,
                                  self.settings.significant_bits)
        self._stamps_problem = stamps_problem(self.recording) if self.settings.clock else ""
        self.notes = [*self.recording.opening_notes, *filter(None, [self._stamps_problem])]
        for note in self.notes:
            self.get_logger().warning(printable(note))
        self.account = LiveAccount()
        self.scorer = LiveScorer(self.card.label_space, self.truth)
        self.timeline = Timeline(self.settings.rate, int(self.recording.times_ns[0]))
        self._connect()

    def _connect(self) -> None:
        self._camera = create_camera(self, Image, "image")
        self.watch = listen(self, "segmentation", self._on_labels)
        self.create_service(SetBool, "~/pause", self._on_pause)
        if self.settings.clock:
            self._clock_publisher = self.create_publisher(ClockMessage, "/clock", 10)
            self.create_timer(_CLOCK_PERIOD_S, self._publish_clock,
                              clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """Close the bag and the ground truth too."""
        self.recording.close()
        super().destroy_node()

    def not_ready(self) -> str:
        """What has to happen before playing can begin, one line, or empty."""
        return self.watch.not_active() or self._wrong_number()

    def not_at_work(self) -> str:
        """Why nothing more will come back, one line, or empty."""
        return self.watch.gone() or self._wrong_number()

    def _wrong_number(self) -> str:
        """What is missing or one too many, one line, or empty: labels must be one node's, of one camera."""
        images, labels = self._camera.topic_name, self.resolve_topic_name("segmentation/labels")
        if not self._camera.get_subscription_count():
            return f"nobody subscribes to {images}"
        for topic in (images, labels):
            publishers = self.count_publishers(topic)
            if publishers != 1:
                return f"{publishers or 'no'} nodes publish {topic}; expected one"
        return ""

    def play(self, go_on: Callable[[], bool]) -> None:
        """Play, in the caller's thread, to the end or until ``go_on`` says no."""
        now_ns = None if self.settings.clock else self._now_ns
        Player(self._camera, self.account, self.timeline, now_ns).play(
            frames_to_play(self.recording, self.settings.loop), go_on)

    def say(self, line: str) -> None:
        """Log a line."""
        self.get_logger().info(printable(line))

    def _now_ns(self) -> int:
        """Nanoseconds on the clock by which the segmentation node computes an image's age."""
        return self.timeline.position_ns() if self.settings.clock else time.time_ns()

    def _on_labels(self, camera: int, message: Image) -> None:
        at, now_ns = time.monotonic(), self._now_ns()
        stamp = stamp_ns(message.header.stamp)
        age_s = None if self._stamps_problem else (now_ns - stamp) / 1e9
        sent = self.account.receive(stamp, at, age_s)
        if sent is None:
            return
        try:
            self.scorer.add(sent.index, labels_from_msg(message))
        except ImageError as error:
            self.scorer.unscored[str(error)] += 1

    def _on_pause(self, request: Any, response: Any) -> Any:
        self.timeline.pause(request.data)
        response.success, response.message = True, "paused" if request.data else "playing"
        self.say(response.message)
        return response

    def _publish_clock(self) -> None:
        self._clock_publisher.publish(ClockMessage(clock=to_stamp(self.timeline.position_ns())))


def main(arguments: list[str] | None = None) -> int:
    """Play until the end, SIGINT or SIGTERM."""
    keep_freed_memory()
    stopping = threading.Event()
    # Handlers of our own: there is still something to write. A second signal changes nothing.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    use_large_image_profile(os.environ)  # the segmentation node says why where it cannot be
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        with spinning(ReplayNode()) as node:
            warn_of_unmatched_files(node, arguments)
            return _run(node, stopping)
    except (InputError, ParameterException, RuntimeError) as error:  # the last are unknown ROS arguments
        get_logger(NODE_NAME).fatal(printable(" ".join(str(error).split())))
        return BAD_INPUT
    finally:
        rclpy.try_shutdown()


def _run(node: ReplayNode, stopping: threading.Event) -> int:
    session = ReplaySession(node, stopping.is_set)
    with node.scorer:
        began = session.run()
    if began:
        for line in summary_lines(session.finish()):
            node.say(line)
    if session.problem:
        node.get_logger().error(printable(session.problem))
    return BAD_INPUT if session.problem else 0


if __name__ == "__main__":
    sys.exit(main())
