"""SegmentationNode: camera images in, label images out. A lifecycle node that can start itself."""

import os
import signal
import sys
import threading
from functools import wraps
from typing import Any, Callable, List, Optional

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import LoggingSeverity, get_logger, set_logger_level
from rclpy.signals import SignalHandlerOptions

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # as it was called in Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

from bisenet_core.errors import InputError, printable
from bisenet_core.runtime.memory import keep_freed_memory
from bisenet_ros.dds_profile import use_large_image_profile
from bisenet_ros.diagnostics import SUM, CameraDiagnostics, closed_status, status_name, sum_status
from bisenet_ros.findings import ERROR, Finding
from bisenet_ros.frame_account import FrameAccount, sum_counts
from bisenet_ros.log_forwarding import forward_logging, stop_forwarding
from bisenet_ros.parameter_files import warn_of_unmatched_files
from bisenet_ros.parameters import changed, check_state, declare_parameters, unknown_parameters
from bisenet_ros.peers import executor_of, spin_once
from bisenet_ros.pipeline import SegmentationPipeline, camera_names

NODE_NAME = "segmentation"
BAD_INPUT = 2

_SUCCESS, _FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


_Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def _reporting(transition: _Transition) -> _Transition:
    """Log what a transition raises, and keep it for diagnostics: rclpy says nothing of it."""
    @wraps(transition)
    def reporting(self: Any, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except Exception as error:
            self._fault = f"{transition.__name__[3:]} failed: {type(error).__name__}: {error}"
            self.get_logger().error(printable(self._fault))
            return TransitionCallbackReturn.ERROR
    return reporting


class SegmentationNode(LifecycleNode):
    """A lifecycle node: configure opens the network, activate subscribes to the cameras.

    Setting ``stopping`` ends a configure that is under way. Raises InputError or rclpy's ParameterException
    when a parameter is refused at start.
    """

    def __init__(self, stopping: Optional[threading.Event] = None, **options: Any) -> None:
        super().__init__(NODE_NAME, **options)
        self._stopping = stopping or threading.Event()
        self.settings = declare_parameters(self)
        self._cameras = camera_names(self.settings)
        self._accounts = [FrameAccount() for _ in self._cameras]
        self._pipeline: Optional[SegmentationPipeline] = None
        self._state, self._fault = "unconfigured", ""
        self._log_handler = forward_logging(self.get_logger())
        self._warn_of_unknown_parameters()
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._diagnostics: List[CameraDiagnostics] = []
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Once a second of real time: with use_sim_time, the node's own clock may stand still.
        self._diagnostics_timer = self.create_timer(
            1.0, self._publish_diagnostics, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def create_publisher(self, *arguments: Any, **options: Any) -> Any:
        """As the base class, without its line in the log for each subscriber that does not match.

        Anybody could fill the disk with them; diagnostics tell of such subscribers, and once.
        """
        return super().create_publisher(
            *arguments, event_callbacks=PublisherEventCallbacks(use_default_callbacks=False), **options)

    def create_subscription(self, *arguments: Any, **options: Any) -> Any:
        """As the base class, without its line in the log for each publisher that does not match."""
        return super().create_subscription(
            *arguments, event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False), **options)

    def start(self) -> bool:
        """Configure and activate; returns whether both succeeded. What went wrong has been logged."""
        return self.trigger_configure() == _SUCCESS and self.trigger_activate() == _SUCCESS

    def stop(self) -> None:
        """Finish the image in work, free everything, and log what became of every image."""
        self._close("finalized")
        # Where a node could not even start, the reason should be the last thing to read.
        counts = [account.counts() for account in self._accounts]
        if any(one.received for one in counts) or not self._fault:
            for name, one in zip(self._cameras, counts):
                if len(counts) > 1:
                    self.get_logger().info(printable(f"images of {name}: {one}"))
            self.get_logger().info(printable(f"images: {sum_counts(counts)}"))
        stop_forwarding(self._log_handler)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the model; a failure leaves the node unconfigured and alive, with the reason logged."""
        try:
            self._pipeline = SegmentationPipeline(
                self, self.settings, self._accounts, self._stopping.is_set)
        except InterruptedError as error:  # asked to end, which is no fault
            self.get_logger().info(printable(error))
            return _FAILURE
        except Exception as error:  # rclpy would swallow it
            self._fault = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            self.get_logger().error(printable(f"cannot configure: {self._fault}"))
            return _FAILURE
        self._diagnostics = [CameraDiagnostics(self._status_name(name), account.counts())
                             for name, account in zip(self._cameras, self._accounts)]
        self._state, self._fault = "inactive", ""
        return super().on_configure(state)

    @_reporting
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the images."""
        self._configured().activate()
        self._state = "active"
        return super().on_activate(state)

    @_reporting
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End the subscription and finish the image in work; the network is kept."""
        self._configured().deactivate()
        self._state = "inactive"
        return super().on_deactivate(state)

    @_reporting
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the network and the publishers."""
        self._close("unconfigured")
        return super().on_cleanup(state)

    @_reporting
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """The same, for good."""
        self._close("finalized")
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything after a transition that failed half-way; the node can be configured again."""
        self._close("unconfigured")
        return _SUCCESS

    def _configured(self) -> SegmentationPipeline:
        assert self._pipeline is not None, "the state machine activates only what is configured"
        return self._pipeline

    def _close(self, state: str) -> None:
        pipeline, self._pipeline, self._state = self._pipeline, None, state
        if pipeline is not None:
            pipeline.close()

    def _on_set_parameters(self, changes: List[Any]) -> SetParametersResult:
        try:
            settings = changed(self.settings, changes)
            check_state(self.settings, settings, self._state)
            if self._pipeline is not None:  # without one, configure will check what depends on the model
                self._pipeline.update(settings)
        except InputError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.settings = settings
        return SetParametersResult(successful=True)

    def _warn_of_unknown_parameters(self) -> None:
        # ROS keeps silent about a value given for a name that nobody declares. rclpy has no public access.
        for line in unknown_parameters(getattr(self, "_parameter_overrides", {})):
            self.get_logger().warning(printable(line))

    def _status_name(self, camera: str) -> str:
        return status_name(self.get_namespace(), self.get_name(), camera)

    def _publish_diagnostics(self) -> None:
        statuses = self._statuses()
        if len(statuses) > 1:
            statuses.append(sum_status(self._status_name(SUM), statuses))
        message = DiagnosticArray(status=statuses)
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics_publisher.publish(message)

    def _statuses(self) -> List[DiagnosticStatus]:
        if self._pipeline is None:
            return [closed_status(self._status_name(name), account.counts(), self._state, self._fault)
                    for name, account in zip(self._cameras, self._accounts)]
        statuses = []
        for diagnostics, state in zip(self._diagnostics, self._pipeline.states(self._state)):
            statuses.append(diagnostics.status(state))
            for finding in diagnostics.new_findings:
                self._log_finding(finding)
        return statuses

    def _log_finding(self, finding: Finding) -> None:
        # rclpy ties a level to each place that logs.
        if finding.level == ERROR:
            self.get_logger().error(printable(finding.text))
        else:
            self.get_logger().warning(printable(finding.text))


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the node until SIGINT or SIGTERM. Exit status 2 when a parameter or the model is refused."""
    keep_freed_memory()
    stopping = threading.Event()
    # Handlers of our own: rclpy's would take ROS away while an image is still in work, and its account with
    # it. A second signal changes nothing.
    _handle_signals(lambda *_: stopping.set())
    # It repeats as it is what a request calls a transition that there is not: anybody's lines and escapes.
    set_logger_level("rcl_lifecycle", LoggingSeverity.FATAL)
    without_profile = use_large_image_profile(os.environ)  # before there is anything of DDS
    try:
        # Unknown ROS arguments and unreadable parameter files are RuntimeErrors.
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = SegmentationNode(stopping)
        warn_of_unmatched_files(node, arguments)
        if without_profile:
            node.get_logger().warning(printable(without_profile))
    except (InputError, ParameterException, RuntimeError) as error:
        get_logger(NODE_NAME).fatal(printable(_error_line(error)))
        rclpy.try_shutdown()
        return BAD_INPUT
    try:
        return _run(node, stopping)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
        _handle_signals(signal.SIG_IGN)  # Python takes back any other handler, and could then be killed


def _handle_signals(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _error_line(error: Exception) -> str:
    """One line; rclpy's name for unknown arguments is in the type alone, and rcl breaks lines."""
    unknown = type(error).__name__ == "UnknownROSArgsError"
    return ("unknown ROS arguments: " if unknown else "") + " ".join(str(error).split())


def _run(node: SegmentationNode, stopping: threading.Event) -> int:
    # Callbacks run in this thread: the main thread's memory is what keep_freed_memory is about.
    executor = executor_of(node)
    try:
        if node.settings.autostart and not node.start():
            return 0 if stopping.is_set() else BAD_INPUT
        while not stopping.is_set() and rclpy.ok():
            # Python handles a signal only between two calls into ROS.
            spin_once(executor, node.get_logger())
        return 0
    finally:
        node.stop()
        executor.shutdown()


if __name__ == "__main__":
    sys.exit(main())
