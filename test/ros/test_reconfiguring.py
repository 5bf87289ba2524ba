"""What configure reads may be set while the node is unconfigured: the model first of all."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import Observer
from test_segmentation_node import _labels, _message, _picture, _send_and_hear

from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.label_info import LABEL_INFO_QOS


@pytest.fixture(scope="module")
def other_model(tmp_path_factory, write_model_folder, tiny_network_onnx):
    """A model folder of Cityscapes' classes, and of another input size than the tiny one's."""
    return write_model_folder(
        tmp_path_factory.mktemp("models") / "other", tiny_network_onnx(19, seed=5),
        name="other", label_space=CITYSCAPES_19, input_width=128, input_height=96)


@pytest.fixture
def node(start_node, vision_msgs_environment):
    """A node with the tiny model, in a process that has vision_msgs."""
    return start_node(environment=vision_msgs_environment)


def _unconfigure(observer):
    assert observer.change_state("deactivate") and observer.change_state("cleanup")


def _start(observer):
    assert observer.change_state("configure") and observer.change_state("activate")


def _check_labels(observer, model, second):
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    answer = _send_and_hear(observer, camera, heard, _message(_picture(4), second=second))
    with Segmenter.open(str(model), precision="fp32") as segmenter:
        expected = segmenter.segment(_picture(4), "rgb").labels
    np.testing.assert_array_equal(_labels(answer), expected)
    observer.forget()


def test_another_model_comes_with_its_own_classes(node, observer, tiny_model_folder, other_model):
    from vision_msgs.msg import LabelInfo

    heard = observer.listen("/segmentation/label_info", LABEL_INFO_QOS, LabelInfo)
    observer.wait(lambda: heard, "label_info")
    refused = observer.set_parameter("model", str(other_model))
    assert not refused.successful and "and it is active: deactivate it" in refused.reason
    assert observer.set_parameter("model", str(tiny_model_folder)).successful, "the value that it has"
    assert observer.change_state("deactivate")
    assert "and it is inactive: clean it up" in observer.set_parameter("model", str(other_model)).reason
    assert observer.change_state("cleanup")
    assert observer.set_parameter("model", str(other_model)).successful
    _start(observer)
    observer.wait(lambda: len(heard[-1].class_map) == 19, "the other model's label_info")
    for message, space in ((heard[0], CAMVID_11), (heard[-1], CITYSCAPES_19)):
        assert [one.class_name for one in message.class_map] == list(space.classes)
    with Observer() as late:  # what a subscriber hears that comes now
        said = late.listen("/segmentation/label_info", LABEL_INFO_QOS, LabelInfo)
        late.wait(lambda: said, "label_info for a late subscriber")
        assert len(said[0].class_map) == 19
    _check_labels(observer, other_model, second=60)
    facts = observer.status(lambda status: status.facts.get("model") == "other").facts
    assert (facts["label_space"], facts["input_size"]) == ("Cityscapes-19", "128x96")
    _check_node_ends_well(node)


def _check_node_ends_well(node):
    assert node.stop() == 0
    assert "Traceback" not in node.output


def test_a_model_that_cannot_be_had_is_one_line_and_the_node_goes_on(
        start_node, observer, tiny_model_folder, other_model):
    node = start_node(masks="[Road]")
    observer.status(lambda status: status.facts["state"] == "active", "an active node")
    _unconfigure(observer)
    for model, complaint in (("none", "cannot configure: model 'none' not found"),
                             (str(other_model), "cannot configure: masks: unknown class 'Rode'")):
        assert observer.set_parameter("model", model).successful
        assert observer.set_parameter("masks", ["Road" if model == "none" else "Rode"]).successful
        assert not observer.change_state("configure")
        assert observer.state() == "unconfigured"
        observer.wait(lambda complaint=complaint: complaint in node.output, complaint)
        assert sum(complaint in line for line in node.output.splitlines()) == 1
    assert observer.set_parameter("masks", [""]).successful
    assert observer.set_parameter("model", str(tiny_model_folder)).successful
    _start(observer)
    _check_labels(observer, tiny_model_folder, second=61)
    _check_node_ends_well(node)


def test_what_else_configure_reads_may_change_too(start_node, observer, tiny_model_folder):
    node = start_node(autostart="false")
    assert observer.state() == "unconfigured"
    for name, value in (("input_width", 64), ("backend", "onnxruntime"), ("image_transport", "compressed")):
        assert observer.set_parameter(name, value).successful
    assert not observer.set_parameter("image_transport", "jpeg").successful
    _start(observer)
    facts = observer.status(lambda status: status.facts["state"] == "active").facts
    assert (facts["input_size"], facts["backend"]) == ("64x64", "onnxruntime")
    observer.wait(lambda: observer.node.count_subscribers("/image/compressed"), "the compressed images")
    _check_node_ends_well(node)
