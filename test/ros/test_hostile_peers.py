"""Whatever a peer announces or sends, the node goes on labelling and reporting."""

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from node_harness import ROOT, TIMEOUT_S, NodeProcess, Observer
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from test_segmentation_node import _message, _picture, _send_and_hear

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
    (ChangeState, "change_state", dict(transition=Transition(id=250))),
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
