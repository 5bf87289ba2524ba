"""Publish images at a steady rate, as a camera does: `python scripts/node_load/camera_process.py TOPIC`.

It prints "matched" once somebody subscribes, begins on the first line of stdin, and ends at --count images or
at the next line; then it prints {"sent": N} and lives until stdin closes, since a publisher that leaves too
early takes its last images with it. The stamps are the moments of sending.
"""

import argparse
import json
import select
import sys
import time
from array import array
from io import FileIO
from typing import Any

import cv2
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from bisenet_core.commands.options import parse_size
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_ros.harness.player import FRAME_ID, SETTLE_S, create_camera
from bisenet_ros.image_messages import image_to_msg

_PICTURES = 4
_JPEG_QUALITY = 90


def messages(size: tuple[int, int], compressed: bool, white: bool) -> list[Any]:
    """The first pictures of the rendered street; with ``white``, an overexposed one after them."""
    drive = RenderedDrive(*size, frames=_PICTURES)
    images = [drive[index][0] for index in range(_PICTURES)]
    if white:
        images.append(np.full_like(images[0], 255))
    to_message = _jpeg if compressed else _raw
    return [to_message(image) for image in images]


def _raw(image: np.ndarray) -> Image:
    return image_to_msg(image, "rgb8", Header(frame_id=FRAME_ID))


def _jpeg(image: np.ndarray) -> CompressedImage:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return CompressedImage(header=Header(frame_id=FRAME_ID), format="rgb8; jpeg compressed bgr8",
                           data=array("B", data.tobytes()))


def play(node: Node, publisher: Any, pictures: list[Any], options: argparse.Namespace, orders: FileIO) -> int:
    """Publish --count images, or until something comes in from ``orders``; returns how many went out."""
    started, sent = time.monotonic(), 0
    while sent < options.count or not options.count:
        message = pictures[sent % len(pictures)]
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        sent += 1
        pause = max(0.0, started + sent / options.rate - time.monotonic())
        if select.select([orders], [], [], pause)[0]:
            break
    return sent


def main() -> int:
    """Publish as the command line says, until stdin closes or SIGINT."""
    options = _parser().parse_args()
    compressed = options.topic.endswith("/compressed")
    pictures = messages(parse_size(options.size, "--size"), compressed, options.white)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("camera")
    publisher = create_camera(node, CompressedImage if compressed else Image, options.topic, depth=2)
    orders = FileIO(sys.stdin.fileno(), closefd=False)  # unbuffered, so that select() knows of every line
    try:
        while not publisher.get_subscription_count():
            time.sleep(0.02)
        time.sleep(SETTLE_S)
        print("matched", flush=True)
        if orders.readline():
            sent = play(node, publisher, pictures, options, orders)
            print(json.dumps({"sent": sent}), flush=True)
            orders.readall()
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="camera_process", description=__doc__.splitlines()[0])
    parser.add_argument("topic", help="a name that ends in /compressed gets JPEG")
    parser.add_argument("--size", default="2048x1024")
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--count", type=int, default=0, help="images; 0 = until a line on stdin")
    parser.add_argument("--white", action="store_true", help="one image in five is white")
    return parser


if __name__ == "__main__":
    sys.exit(main())
