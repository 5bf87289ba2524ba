"""A player: publishes the frames of a recorded drive as a camera would, at the drive's own pace.

Run as a process of its own, `python -m bisenet_ros.demo.drive_player INPUT`, so that the images cross a real
transport. It talks to whoever started it in lines of JSON on stdout: "matched" once somebody subscribes,
"published" for every frame, "done" at the end, "error" with one line when it cannot go on. It starts to play
on the first line of stdin, and lives until stdin closes: a publisher that leaves too early takes its last
images with it.
"""

import argparse
import json
import sys
import time
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.drives.drive import Drive
from bisenet_core.drives.opening import open_drive
from bisenet_core.errors import InputError
from bisenet_ros.harness.camera_publisher import create_camera, stamp_ns, wait_for_subscriber
from bisenet_ros.image_messages import image_to_msg

IMAGE_TOPIC = "/camera/image_raw"
FRAME_ID = "camera_optical_frame"
MATCH_TIMEOUT_S = 90.0


class DrivePlayer(Node):
    """Publishes rgb8 images with the present moment as their stamp: the drive happens now."""

    def __init__(self, topic: str = IMAGE_TOPIC) -> None:
        super().__init__("drive_player")
        self._publisher = create_camera(self, Image, topic)

    def wait_for_subscriber(self, timeout_s: float = MATCH_TIMEOUT_S) -> None:
        """Return once a subscription is matched. Raises InputError after ``timeout_s``."""
        wait_for_subscriber(self._publisher, timeout_s)

    def play(self, source: Drive) -> None:
        """Publish every frame when it is due, reporting each. One that is late does not delay the next."""
        started = None
        for frame in source:
            if started is None:
                started = time.monotonic() - frame.recorded_ns / 1e9
            time.sleep(max(0.0, started + frame.recorded_ns / 1e9 - time.monotonic()))
            header = Header(frame_id=FRAME_ID, stamp=self.get_clock().now().to_msg())
            assert frame.image is not None  # iterating ends at one that cannot be read
            message = image_to_msg(frame.image, "rgb8", header)
            sent = time.monotonic()
            self._publisher.publish(message)
            tell("published", index=frame.index, stamp=stamp_ns(header.stamp), sent=sent)


def tell(event: str, **facts: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps(dict(facts, event=event)), flush=True)


def main() -> int:
    """Play the drive named on the command line. Exit status 2 for bad input."""
    arguments = _parser().parse_args()
    # Python's own handler, so that Ctrl-C ends a sleep between two frames.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    player = DrivePlayer(arguments.topic)
    try:
        source = open_drive(
            arguments.input, topic=arguments.bag_topic, rate=arguments.rate, with_truth=False
        )
        player.wait_for_subscriber(arguments.match_timeout)
        tell("matched")
        if sys.stdin.readline():
            player.play(source)
            tell("done")
            sys.stdin.read()
        return 0
    except InputError as error:
        tell("error", text=str(error))
        return 2
    except (KeyboardInterrupt, BrokenPipeError):  # stopped by hand, or whoever listened has gone
        return 0
    finally:
        player.destroy_node()
        rclpy.try_shutdown()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="drive_player", description=__doc__.splitlines()[0])
    parser.add_argument("input", help="a folder of images, an image, a video or a rosbag")
    parser.add_argument("--topic", default=IMAGE_TOPIC, help="where to publish (default: %(default)s)")
    parser.add_argument("--rate", type=float, help="frames per second instead of the drive's own")
    parser.add_argument("--bag-topic", help="the image topic of a rosbag that has several")
    parser.add_argument(
        "--match-timeout", type=float, default=MATCH_TIMEOUT_S, help="seconds to wait for a subscriber"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
