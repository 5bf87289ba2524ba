"""Whatever a peer announces or sends, the node goes on labelling and reporting."""

import subprocess
import sys
from math import inf, nan

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from node_harness import ROOT, TIMEOUT_S, NodeProcess, Observer
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters, SetParametersAtomically
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from test_segmentation_node import _message, _picture, _send_and_hear

from bisenet_ros.parameters import PARAMETERS

WARN = b"\x01"


@pytest.fixture(scope="module")
def node(ros, tmp_path_factory, tiny_model_folder):
    log = tmp_path_factory.mktemp("hostile") / "node.log"
    with NodeProcess(log, model=tiny_model_folder, precision="fp32") as process:
        yield process
        assert process.stop() == 0, process.output


@pytest.fixture(scope="module")
def one_observer(node):
    with Observer() as observer:
        observer.status(lambda status: status.facts["state"] == "active", "an active node")
        yield observer


@pytest.fixture
def watched(one_observer):
    yield one_observer
    one_observer.forget()


@pytest.fixture
def nameless_peer(ros):
    """A participant that publishes images, and subscribes to labels, under a name that is not UTF-8."""
    script = str(ROOT / "test" / "ros" / "hostile_peer.py")
    process = subprocess.Popen([sys.executable, script, "/image", "/segmentation/labels"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"announced\n"
    yield process
    process.communicate(b"\n", timeout=TIMEOUT_S)


def _still_labels(observer, second):
    """The node labels an image and reports twice."""
    heard = observer.listen("/segmentation/labels")
    _send_and_hear(observer, observer.camera(), heard, _message(_picture(), second=second))
    observer.status()
    observer.status()


def test_a_node_name_that_is_not_utf8_is_a_warning(node, watched, nameless_peer):
    for topic in ("/image", "/segmentation/labels"):
        text = f"who else is on {topic} cannot be read (UnicodeDecodeError: "
        found = watched.status(lambda status, text=text: text in status.message, text)
        assert found.level == WARN
    _still_labels(watched, second=1)
    assert node.output.count(text) == 1  # not once a second


@pytest.mark.parametrize("kind, name, request_", [
    (SetParameters, "set_parameters", dict(
        parameters=[Parameter(name="masks", value=ParameterValue(type=99))])),
    (SetParametersAtomically, "set_parameters_atomically", dict(
        parameters=[Parameter(name="\x1b[2J\x00\n", value=ParameterValue(type=200))])),
    (ChangeState, "change_state", dict(transition=Transition(id=250, label="\x1b[2J\n[FATAL] forged"))),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_request_that_rclpy_does_not_understand_ends_nothing(node, watched, kind, name, request_):
    client = watched.node.create_client(kind, f"/segmentation/{name}")
    watched.wait(client.service_is_ready, "the service " + name)
    for _ in range(3):
        client.call_async(kind.Request(**request_))
    watched.status()
    _still_labels(watched, second=2)
    watched.node.destroy_client(client)
    assert node.output.count("a callback failed: ") < 5
    assert "\x1b" not in node.output and "\n[FATAL]" not in node.output


VALUES = [
    dict(type=0), dict(type=1, bool_value=True), dict(type=2, integer_value=-2**63),
    dict(type=3, double_value=nan), dict(type=3, double_value=inf),
    dict(type=4, string_value="\x1b]0;a\x07\n[FATAL] forged" * 9999),
    dict(type=5, byte_array_value=[b"\xff"]), dict(type=7, integer_array_value=[2**63 - 1]),
    dict(type=8, double_array_value=[nan]),
    dict(type=9, string_array_value=["", "\x1b", "a" * 999_999]), dict(type=255)]


def test_no_value_of_a_parameter_ends_anything_or_writes_to_the_terminal(node, watched):
    names = [spec.name for spec in PARAMETERS] + ["use_sim_time_", "", "\x1b[2J\n", "a" * 999_999]
    parameters = [Parameter(name=name, value=ParameterValue(**value)) for name in names for value in VALUES]
    requests = [(SetParameters, "set_parameters", dict(parameters=parameters[i::9])) for i in range(9)]
    requests += [(kind, name, dict(names=names)) for kind, name in (
        (GetParameters, "get_parameters"), (DescribeParameters, "describe_parameters"))]
    for kind, name, request in requests:
        client = watched.node.create_client(kind, f"/segmentation/{name}")
        watched.wait(client.service_is_ready, "the service " + name)
        client.call_async(kind.Request(**request))
        watched.status()
        watched.node.destroy_client(client)
    _still_labels(watched, second=6)
    assert all(character.isprintable() or character == "\n" for character in node.output)
    assert "\n[FATAL]" not in node.output


def test_subscribers_that_do_not_match_fill_no_log(node, watched):
    asked = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    found = [watched.node.create_subscription(Image, "/segmentation/labels", print, asked) for _ in range(30)]
    watched.status(lambda status: "change the subscriber's durability" in status.message, "the subscribers")
    for one in found:
        watched.node.destroy_subscription(one)
    _still_labels(watched, second=7)
    assert sum("the subscriber's durability" in line for line in node.output.splitlines()) < 5
    assert "incompatible QoS" not in node.output


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1\0\0" + b"\xff" * 40, b"\xff" * 400])
def test_bytes_that_are_no_message_end_nothing(watched, data):
    camera = watched.camera()
    for _ in range(3):
        camera.publish(data)
    watched.status()
    _still_labels(watched, second=3)


def test_names_of_a_megabyte_are_cut_short(node, watched):
    message = _message(_picture(), second=4)
    message.encoding = "\x1b[2J" * 250_000
    text = "unsupported encoding '\\x1b[2J"
    watched.listen("/segmentation/labels")  # or no image is read
    found = watched.publish_until(watched.camera(), message, lambda: next(
        (one for one in watched.statuses if text in one.message), None), text)
    assert len(found.message) < 1000
    assert "\x1b" not in node.output
    _still_labels(watched, second=5)
