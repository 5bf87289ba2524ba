"""The files for RViz and Foxglove: what they show is what the node publishes."""

import json
import re

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

import yaml
from node_harness import ROOT
from test_segmentation_node import _message, _picture, _send_and_hear

from bisenet_ros.launch_arguments import IMAGE

RVIZ = yaml.safe_load((ROOT / "config" / "segmentation.rviz").read_text())
FOXGLOVE = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())
DISPLAYS = RVIZ["Visualization Manager"]["Displays"]
PANELS = FOXGLOVE["configById"]
PATH = re.compile(r'/diagnostics\.status\[:\]\{name=="(.+?)"\}\.values\[:\]\{key=="(.+?)"\}\.value')


def _panels(layout):
    """The panels' ids in a layout, a tree of halves."""
    return [layout] if isinstance(layout, str) else _panels(layout["first"]) + _panels(layout["second"])


def _plotted():
    return [PATH.fullmatch(path["value"]).groups() for panel in PANELS.values()
            for path in panel.get("paths", ())]


def test_every_panel_has_its_place_and_every_plot_its_lines():
    assert sorted(_panels(FOXGLOVE["layout"])) == sorted(PANELS)
    assert len(_plotted()) >= 6
    assert all(path["enabled"] for panel in PANELS.values() for path in panel.get("paths", ()))


def test_rviz_receives_from_every_publisher_and_shows_each_image_once():
    assert {display["Class"] for display in DISPLAYS} == {"rviz_default_plugins/Image"}
    policies = {(display["Topic"]["Reliability Policy"], display["Topic"]["Durability Policy"])
                for display in DISPLAYS}
    assert policies == {("Best Effort", "Volatile")}
    assert {display["Name"] for display in DISPLAYS} <= set(RVIZ["Window Geometry"])
    assert len({display["Topic"]["Value"] for display in DISPLAYS}) == len(DISPLAYS)


def test_what_they_show_is_published(run_node, observer):
    one = run_node(["-r", "image:=" + IMAGE])
    heard = observer.listen("/segmentation/labels")
    _send_and_hear(observer, observer.camera(IMAGE), heard, _message(_picture(), second=1))
    images = {name for name, types in one.node.get_publisher_names_and_types_by_node("segmentation", "/")
              if types == ["sensor_msgs/msg/Image"]}
    shown = {display["Topic"]["Value"] for display in DISPLAYS} | {
        panel["imageMode"]["imageTopic"] for panel in PANELS.values() if "imageMode" in panel}
    assert shown <= images | {IMAGE} and "/segmentation/labels_color" in shown
    assert PANELS["DiagnosticSummary!node"]["topicToRender"] == "/diagnostics"
    status = observer.status(lambda status: "latency_ms_p50" in status.facts)
    assert {name for name, _ in _plotted()} == {status.name}
    for _, key in _plotted():
        float(status.facts[key])
