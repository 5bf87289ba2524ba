"""docs/planner.md: the subscriber as it is printed there, and the names in its parameter files."""

import re

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import BEST_EFFORT, ROOT, PythonProcess
from test_segmentation_node import _labels, _message, _picture

from bisenet_core.labels.label_space import CAMVID_11
from bisenet_ros.diagnostics import STATUS_NAME

LINE = re.compile(r"road ([\d.]+)%, known ([\d.]+)%, age \d+ ms")
PAGE = (ROOT / "docs" / "planner.md").read_text()


def _blocks(language):
    return re.findall("```{}\n(.*?)```".format(language), PAGE, re.DOTALL)


def _parameters(node):
    """The ros__parameters of the node, from whichever block of the page has them."""
    found, = (block[node] for block in map(yaml.safe_load, _blocks("yaml")) if node in block)
    return found.get(node, found)["ros__parameters"]


def test_the_subscriber_as_printed_says_what_the_labels_say(start_node, observer, vision_msgs_environment,
                                                           tmp_path):
    program = tmp_path / "road_share.py"
    source, = _blocks("python")
    program.write_text(source)
    start_node(environment=vision_msgs_environment)
    observer.status(lambda status: status.facts["state"] == "active", "an active node")
    heard, camera = observer.listen("/segmentation/labels", BEST_EFFORT), observer.camera()
    with PythonProcess(tmp_path / "log", [str(program)], vision_msgs_environment) as subscriber:
        observer.publish_until(camera, _message(_picture(), second=1), lambda: LINE.search(subscriber.output),
                               "a line of the subscriber")
        line = LINE.search(subscriber.output)
    labels = _labels(heard[-1])
    lower = labels[len(labels) // 2:]
    expected = [100 * np.mean(lower == CAMVID_11.id_of("Road")), 100 * np.mean(lower != 255)]
    np.testing.assert_allclose([float(text) for text in line.groups()], expected, atol=0.051)


def test_the_costmap_reads_our_topics_and_knows_every_class_once():
    layer = _parameters("local_costmap")["semantic_layer"]
    camera = layer[layer["observation_sources"]]
    topics = {camera[name] for name in ("segmentation_topic", "confidence_topic", "labels_topic")}
    assert topics == {"/segmentation/" + name for name in ("labels", "confidence", "label_info")}
    classes = [name for kind in camera["class_types"] for name in camera[kind]["classes"]]
    assert sorted(classes) == sorted(CAMVID_11.classes)


def test_manager_and_aggregator_name_the_node_and_its_status(run_node, observer):
    run_node()
    node, = _parameters("lifecycle_manager_segmentation")["node_names"]
    observer.status()
    assert node in observer.node.get_node_names()
    prefix, = _parameters("analyzers")["perception"]["startswith"]
    assert STATUS_NAME.startswith(prefix)
