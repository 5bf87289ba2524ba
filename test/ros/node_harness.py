"""The real node in a process of its own, and an observer beside it that sends images and hears the rest."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 30.0  # of every wait; reached only when something is wrong
RESEND_S = 0.3
ANSWER_S = 4.0  # longer than any transition of a small model takes


def deep_qos(depth):
    """A reliable profile that keeps this many messages."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)


RELIABLE = deep_qos(10)
BEST_EFFORT = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)

TRANSITIONS = {"configure": Transition.TRANSITION_CONFIGURE, "cleanup": Transition.TRANSITION_CLEANUP,
               "activate": Transition.TRANSITION_ACTIVATE, "deactivate": Transition.TRANSITION_DEACTIVATE,
               "shutdown": Transition.TRANSITION_INACTIVE_SHUTDOWN}
GOALS = {"configure": "inactive", "cleanup": "unconfigured", "activate": "active", "deactivate": "inactive",
         "shutdown": "finalized"}
STATES = {State.PRIMARY_STATE_UNCONFIGURED: "unconfigured", State.PRIMARY_STATE_INACTIVE: "inactive",
          State.PRIMARY_STATE_ACTIVE: "active", State.PRIMARY_STATE_FINALIZED: "finalized"}


def ros_environment(log_folder):
    """Variables that keep a test's ROS to this machine, and away from other tests running on it."""
    return {"ROS_DOMAIN_ID": str(1 + os.getpid() % 101), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": str(log_folder)}


def python_path(folder):
    """Variables with which Python looks into this folder before it looks elsewhere."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}


class PythonProcess:
    """Python with these arguments; ``with`` ends it, kindly if it can, else with all that it has started."""

    def __init__(self, log, arguments, environment=None):
        self._log = Path(log)
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=str(ROOT), stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, env=dict(os.environ, PYTHONUNBUFFERED="1", **(environment or {})))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.stop()

    @property
    def output(self):
        """What it has said so far."""
        return self._log.read_text()

    def stop(self, *signals):
        """Send the signals (SIGINT by default), all at once; returns the exit status."""
        for number in signals or (signal.SIGINT,):
            self.process.send_signal(number)
        return self.wait()

    def wait(self):
        """The exit status, once it has ended by itself."""
        try:
            return self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError("the node did not end:\n" + self.output) from None


def ros_arguments(arguments, parameters):
    """A node's command line: --ros-args, these arguments, and the parameters by name."""
    settings = ["{}:={}".format(name, value) for name, value in parameters.items()]
    return ["--ros-args", *map(str, arguments), *(part for one in settings for part in ("-p", one))]


class NodeProcess(PythonProcess):
    """`python -m bisenet_ros.segmentation_node` with parameters; ``program`` is what Python runs instead."""

    def __init__(self, log, arguments=(), environment=None, program=("-m", "bisenet_ros.segmentation_node"),
                 **parameters):
        super().__init__(log, [*program, *ros_arguments(arguments, parameters)], environment)


class Observer:
    """A node in the test's own process, spun while the test waits for something."""

    def __init__(self, node_name="/segmentation"):
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("observer", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._target = node_name
        self.statuses = []
        self.stamps = []  # of the diagnostics
        self._entities = []
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def wait(self, condition, what):
        """Spin until ``condition()`` is true; returns what it gave."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            result = condition()
            if result:
                return result
            self._executor.spin_once(timeout_sec=0.05)
        raise AssertionError("waited in vain for " + what)

    def publish_until(self, publisher, message, condition, what):
        """Publish ``message`` and wait, again and again: the other side may not have matched yet."""
        attempts = []

        def heard():
            if not attempts or time.monotonic() - attempts[-1] > RESEND_S:
                publisher.publish(message)
                attempts.append(time.monotonic())
            return condition()

        return self.wait(heard, what)

    def listen(self, topic, qos=RELIABLE, message_type=Image):
        """Subscribe; returns the list that messages are added to."""
        heard = []
        self._entities.append(self.node.create_subscription(message_type, topic, heard.append, qos))
        return heard

    def camera(self, topic="/image", qos=RELIABLE, message_type=Image):
        """A publisher of images that the node has subscribed to."""
        publisher = self.node.create_publisher(message_type, topic, qos)
        self._entities.append(publisher)
        self.wait(publisher.get_subscription_count, "the node's subscription to " + topic)
        return publisher

    def mute_camera(self, topic="/image", qos=RELIABLE, message_type=Image):
        """A publisher that need not match, and sends nothing by itself."""
        self._entities.append(self.node.create_publisher(message_type, topic, qos))
        return self._entities[-1]

    def forget(self):
        """Destroy what ``listen`` and ``camera`` have made."""
        for entity in self._entities:
            self.node.destroy_subscription(entity)
            self.node.destroy_publisher(entity)
        self._entities = []

    def status(self, accept=lambda status: True, what="diagnostics"):
        """The next status of the node that ``accept``s; status.values as a dict in ``status.facts``."""
        seen = len(self.statuses)
        return self.wait(lambda: next(filter(accept, self.statuses[seen:]), None), what)

    def set_parameter(self, name, value):
        """Result of setting a parameter of the node."""
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return self._call(SetParameters, "set_parameters", request).results[0]

    def describe(self, *names):
        """Descriptors of the node's parameters."""
        return self._call(DescribeParameters, "describe_parameters",
                          DescribeParameters.Request(names=list(names))).descriptors

    def change_state(self, transition):
        """Trigger a transition by name; returns whether it succeeded."""
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        response, attempts = self._ask(ChangeState, "change_state", request)
        # asked twice, the second finds done what the first had begun
        return response.success or (attempts > 1 and self.state() == GOALS[transition])

    def state(self):
        """Name of the node's lifecycle state."""
        return STATES[self._call(GetState, "get_state", GetState.Request()).current_state.id]

    def _call(self, service_type, name, request):
        return self._ask(service_type, name, request)[0]

    def _ask(self, service_type, name, request):
        """The answer, and how often it took asking: the first is lost where the node has not matched yet."""
        client, asked = self.node.create_client(service_type, f"{self._target}/{name}"), []

        def answer():
            if not asked or time.monotonic() - asked[-1][0] > ANSWER_S:
                asked.append((time.monotonic(), client.call_async(request)))
            return next((future for _, future in asked if future.done()), None)

        try:
            self.wait(client.service_is_ready, "the service " + name)
            return self.wait(answer, "an answer from " + name).result(), len(asked)
        finally:
            self.node.destroy_client(client)

    def _on_diagnostics(self, message):
        self.stamps.append(message.header.stamp)
        for status in message.status:
            self.statuses.append(Status(status))


class Status:
    """A DiagnosticStatus with its values as a dict."""

    def __init__(self, status):
        self.name, self.level, self.message = status.name, status.level, status.message
        self.facts = {item.key: item.value for item in status.values}


def remove_dead_segments(folder=Path("/dev/shm")):
    """Remove shared memory whose Fast DDS process was killed: 64 MiB each. A living owner holds a lock."""
    for lock in list(folder.glob("fast*_el")):
        segment = lock.with_name(lock.name[:-len("_el")])
        try:
            with lock.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for path in (segment, lock):
                    path.unlink()
        except OSError:  # alive, or removed meanwhile
            continue
