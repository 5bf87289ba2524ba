"""A parameter file that is for another node is told of."""

import logging
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from bisenet_ros.parameter_files import matches, section_names, warn_of_unmatched_files

PARAMETERS = "ros__parameters:\n    model: tiny\n"


@pytest.mark.parametrize("text, names", [
    ("/**:\n  " + PARAMETERS, ["/**"]),
    ("segmentation:\n  " + PARAMETERS, ["/segmentation"]),
    ("/front/segmentation:\n  " + PARAMETERS, ["/front/segmentation"]),
    ("front:\n  segmentation:\n    " + PARAMETERS + "  other:\n    " + PARAMETERS,
     ["/front/segmentation", "/front/other"]),
    ("# a comment: none\n'/a' :\n  \"ros__parameters\": # all\n    x: {y: 1}\n/b:\n  " + PARAMETERS,
     ["/a", "/b"]),
    ("{segmentation: {ros__parameters: {model: tiny}}}", []), ("- 1\n", []), ("", []), ("\0\xff: [", []),
])
def test_sections_are_found_by_their_indentation(tmp_path, text, names):
    (tmp_path / "file.yaml").write_text(text, encoding="latin-1")
    assert section_names(str(tmp_path / "file.yaml")) == names


def test_what_cannot_be_read_has_no_sections(tmp_path):
    assert section_names(str(tmp_path / "none.yaml")) == section_names(str(tmp_path)) == []


@pytest.mark.parametrize("section, is_for_it", [
    ("/front/segmentation", True), ("/**", True), ("/**/segmentation", True), ("/*/segmentation", True),
    ("/front/*", True), ("/front/**", True), ("/segmentation", False), ("/*", False), ("/front", False),
    ("/front/segmentation2", False), ("/rear/**", False), ("/fr.nt/segmentation", False)])
def test_wildcards_are_those_of_ros(section, is_for_it):
    assert matches(section, "/front/segmentation") == is_for_it


def test_a_file_without_a_section_for_the_node_is_told_of_once(tmp_path, caplog):
    other, own = tmp_path / "other.yaml", tmp_path / "own.yaml"
    other.write_text("/bisenet:\n  " + PARAMETERS + "/\x1b[2J:\n  " + PARAMETERS)
    own.write_text("/bisenet:\n  " + PARAMETERS + "/segmentation:\n  " + PARAMETERS)
    node = SimpleNamespace(get_name=lambda: "segmentation", get_namespace=lambda: "/",
                           get_logger=lambda: logging.getLogger("node"))
    files = ["--params-file", str(other), "--params-file", str(own)]
    warn_of_unmatched_files(node, ["node", "--ros-args", *files])
    (record,) = caplog.records
    assert record.getMessage() == (
        f"no section of {other} is for this node, /segmentation, so nothing in it is used: it has /bisenet, "
        "/\\x1b[2J; call one /segmentation or /**")
