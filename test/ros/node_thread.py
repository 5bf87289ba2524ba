"""The real node in the test's own process, spun by a thread of its own."""

import gc
import threading

import rclpy
from node_harness import TIMEOUT_S, ros_arguments
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from bisenet_ros.segmentation_node import SegmentationNode


class Spun:
    """A node in this process, spun by a thread; ``create(context)`` makes it, ``with`` ends it."""

    def __init__(self, create, arguments=()):
        self._context, self._ended = rclpy.Context(), threading.Event()
        rclpy.init(args=list(arguments), context=self._context,
                   signal_handler_options=SignalHandlerOptions.NO)
        self.node = create(self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.node is None:
            return
        self._ended.set()
        self._thread.join(TIMEOUT_S)
        self.before_the_end()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
        self.node = self._executor = None
        gc.collect()  # a destroyed lifecycle node stays in DDS until then

    def before_the_end(self):
        """Called when it is spun no more."""

    def _spin(self):
        while not self._ended.is_set():
            self._executor.spin_once(timeout_sec=0.1)


class NodeThread(Spun):
    """The segmentation node with these parameters in this process, which starts sooner than another process.

    It reports ten times a second, unless ``quick_reports`` is false.
    """

    def __init__(self, arguments=(), quick_reports=True, **parameters):
        self._quick_reports = quick_reports
        super().__init__(self._create, ros_arguments(arguments, parameters))

    def before_the_end(self):
        self.node.stop()

    def _create(self, context):
        node = SegmentationNode(context=context)
        if self._quick_reports:
            node._diagnostics_timer.timer_period_ns = 10**8
            node._diagnostics_timer.reset()
        assert not node.settings.autostart or node.start()
        return node
