"""A DDS participant whose node's name is not UTF-8: `hostile_peer.py PUBLISHED_TOPIC SUBSCRIBED_TOPIC`.

rcl and rmw refuse such a name. So the node is made under a proper one, which is then overwritten in this
process's memory, where rmw's graph keeps it, and announced once more.
"""

import re
import sys

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

NAME = re.compile(b"a_node_with_a_proper_nam[e]")  # a pattern that does not match itself in memory


def spoil_the_name():
    """Overwrite the name's first two bytes wherever it lies in this process."""
    with open("/proc/self/maps") as maps:
        regions = [line.split() for line in maps.read().splitlines()]
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        for begin, end in (region[0].split("-") for region in regions if region[1].startswith("rw")):
            memory.seek(int(begin, 16))
            content = memory.read(int(end, 16) - int(begin, 16))
            for found in NAME.finditer(content):
                memory.seek(int(begin, 16) + found.start())
                if NAME.match(memory.read(len(found.group()))):  # it is not what has just been read
                    memory.seek(int(begin, 16) + found.start())
                    memory.write(b"\xff\xfe")


def main():
    """Publish and subscribe to the topics, until there is a line to read."""
    rclpy.init(args=[])
    node = rclpy.create_node("a_node_with_a_proper_name")
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    entities = [node.create_publisher(Image, sys.argv[1], qos),
                node.create_subscription(Image, sys.argv[2], print, qos)]
    spoil_the_name()
    entities.append(rclpy.create_node("another"))  # for which all nodes of the process are announced again
    print("announced", flush=True)
    sys.stdin.readline()


main()
