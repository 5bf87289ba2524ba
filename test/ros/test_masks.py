"""Masks of the real node over real DDS: every class, names with spaces, all at once or one by one."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from test_segmentation_node import _labels, _message, _picture, _send_and_hear

from bisenet_core.labels.label_space import CITYSCAPES_19

TOPICS = ["/segmentation/masks/" + name.replace(" ", "_") for name in CITYSCAPES_19.classes]


@pytest.fixture(scope="module")
def model(tmp_path_factory, write_model_folder, tiny_network_onnx):
    """A model with Cityscapes' classes, of which two have a space in their names."""
    return write_model_folder(tmp_path_factory.mktemp("models") / "city", tiny_network_onnx(num_classes=19),
                              label_space=CITYSCAPES_19)


def _masks_there(observer):
    return {name for name, _ in observer.node.get_topic_names_and_types()
            if name.startswith("/segmentation/masks/") and observer.node.count_publishers(name)}


def test_a_star_gives_every_class_its_mask(run_node, observer, model):
    run_node(model=model, masks="['*']")
    heard = [observer.listen(topic) for topic in ["/segmentation/labels", *TOPICS]]
    observer.wait(lambda: _masks_there(observer) == set(TOPICS), "a topic for each class")
    camera, message = observer.camera(), _message(_picture(1), second=1)
    labels, *masks = [_send_and_hear(observer, camera, answers, message) for answers in heard]
    labels = _labels(labels)
    assert len(np.unique(labels)) > 2
    for class_id, mask in enumerate(masks):
        assert (mask.encoding, mask.header) == ("mono8", message.header)
        np.testing.assert_array_equal(_labels(mask), 255 * (labels == class_id))


def test_names_with_spaces_may_be_written_either_way_and_at_run_time(run_node, observer, model):
    run_node(model=model, masks="['traffic light']")
    for masks, names in ((None, ["traffic_light"]), (["traffic_sign", "Road"], ["traffic_sign", "road"]),
                         (["*"], None), ([""], [])):
        assert masks is None or observer.set_parameter("masks", masks).successful
        topics = set(TOPICS) if names is None else {"/segmentation/masks/" + name for name in names}
        observer.wait(lambda topics=topics: _masks_there(observer) == topics, f"masks {masks}")
