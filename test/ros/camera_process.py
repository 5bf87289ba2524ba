"""A camera as a process of its own: `camera_process.py WIDTH HEIGHT RATE COUNT`, best effort, on /image."""

import sys
import time

import numpy as np
import rclpy
from node_harness import BEST_EFFORT
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_ros.image_messages import image_to_msg


def main():
    """Publish at the rate once the node has subscribed, with the image's number as its stamp's seconds."""
    width, height, rate, count = map(int, sys.argv[1:])
    rclpy.init(args=[])
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, "/image", BEST_EFFORT)
    while not publisher.get_subscription_count():
        time.sleep(0.02)
    message = image_to_msg(np.zeros((height, width, 3), np.uint8), "rgb8", Header(frame_id="camera"))
    print("matched", flush=True)
    sys.stdin.readline()
    for number in range(1, count + 1):
        message.header.stamp.sec = number
        publisher.publish(message)
        time.sleep(1.0 / rate)
    print("done", flush=True)
    sys.stdin.readline()
    node.destroy_node()
    rclpy.shutdown()


main()
