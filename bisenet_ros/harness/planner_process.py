"""A planner: receives labels as one would, `python -m bisenet_ros.harness.planner_process TOPIC...`.

For each line on stdin it prints one line of JSON, of all that came since the line before: "latency_ms" by
topic, from the image's stamp to the label's receipt, and "statuses", the node's latest by name, with "age_s",
how long ago it came. Latency is taken with the system's clock, so camera and planner must run on one
machine.
"""

import json
import sys
import threading
import time
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from bisenet_core.runtime.memory import keep_freed_memory

_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE)


class Planner:
    """What has come since it was last asked."""

    def __init__(self, node: Any, topics: list[str]) -> None:
        self._lock = threading.Lock()
        self._latency_ms: dict[str, list[float]] = {topic: [] for topic in topics}
        self._statuses: dict[str, tuple[dict[str, str], float]] = {}  # and when, on time.monotonic()
        for topic in topics:
            node.create_subscription(Image, topic, partial(self._on_labels, topic), _QOS)
        # Last: once diagnostics arrive, the node knows the readers of its labels too.
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def report(self) -> dict[str, Any]:
        """All that came since the last report."""
        with self._lock:
            latencies, self._latency_ms = self._latency_ms, {topic: [] for topic in self._latency_ms}
            now = time.monotonic()
            statuses = {name: {"facts": facts, "age_s": round(now - heard, 3)}
                        for name, (facts, heard) in self._statuses.items()}
            return {"latency_ms": latencies, "statuses": statuses}

    def _on_labels(self, topic: str, message: Image) -> None:
        stamp = message.header.stamp
        latency = (time.time_ns() - stamp.sec * 10**9 - stamp.nanosec) / 1e6
        with self._lock:
            self._latency_ms[topic].append(round(latency, 3))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            facts = {value.key: value.value for value in status.values}
            with self._lock:
                self._statuses[status.name] = facts, time.monotonic()


def main() -> int:
    """Listen until stdin closes."""
    keep_freed_memory()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("planner")
    planner = Planner(node, sys.argv[1:])
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    try:
        while sys.stdin.readline():
            print(json.dumps(planner.report()), flush=True)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        executor.shutdown()
        thread.join(5.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
