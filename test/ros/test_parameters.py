"""The parameters' table, and the checks that need no running node."""

import re

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

import yaml
from node_harness import ROOT
from rclpy.parameter import Parameter

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19
from bisenet_ros.parameters import (
    PARAMETERS,
    SegmentationParameters,
    changed,
    check_state,
    check_value,
    describe,
    mask_classes,
    unknown_parameters,
)

DEFAULTS = SegmentationParameters(**{spec.name: check_value(spec.name, spec.default) for spec in PARAMETERS})


def _file(name):
    return yaml.safe_load((ROOT / "config" / name).read_text())["/**"]["ros__parameters"]


def test_the_documented_file_holds_every_default():
    values = _file("segmentation.yaml")
    assert list(values) == [spec.name for spec in PARAMETERS]
    assert {name: check_value(name, value) for name, value in values.items()} == DEFAULTS._asdict()


@pytest.mark.parametrize("preset", ["camvid.yaml", "cityscapes.yaml"])
def test_presets_are_valid(preset):
    values = _file(preset)
    assert not list(unknown_parameters(values))
    for name, value in values.items():
        check_value(name, value)


@pytest.mark.parametrize("spec", PARAMETERS, ids=lambda spec: spec.name)
def test_every_parameter_describes_itself(spec):
    descriptor = describe(spec)
    assert descriptor.description.endswith(".")
    assert descriptor.read_only != (spec.live or spec.at_configure)
    assert ("while the node is unconfigured" in descriptor.additional_constraints) == spec.at_configure


@pytest.mark.parametrize("state, what_to_do", [
    ("active", "deactivate it, clean it up (`ros2 lifecycle set`), set this, then configure and activate"),
    ("inactive", "clean it up (`ros2 lifecycle set`), set this, then configure"),
    ("finalized", "start it anew")])
def test_what_configure_reads_changes_only_before_it(state, what_to_do):
    after = DEFAULTS._replace(model="other", input_width=64, overlay_alpha=0.1)
    check_state(DEFAULTS, after, "unconfigured")
    check_state(DEFAULTS, DEFAULTS._replace(overlay_alpha=0.1), state)
    with pytest.raises(InputError, match="^model, input_width can change only while the node is unconfigured"
                       f", and it is {state}: {re.escape(what_to_do)}$"):
        check_state(DEFAULTS, after, state)


def test_nobody_on_the_network_names_a_folder_to_write_into():
    assert describe(next(spec for spec in PARAMETERS if spec.name == "engine_cache")).read_only


@pytest.mark.parametrize("value, expected", [
    (None, ()), ([], ()), ([""], ()), (["Road", "Car"], ("Road", "Car"))])
def test_no_masks_can_be_said_in_many_ways(value, expected):
    assert check_value("masks", value) == expected


@pytest.mark.parametrize("name, value", [
    ("masks", "Road"), ("masks", [1]), ("overlay_alpha", True), ("overlay_alpha", "half"),
    ("overlay_alpha", None), ("overlay_alpha", float("inf")), ("stale_after", 0), ("max_image_age", -1.0),
    ("min_confidence", 1.001), ("min_confidence", -0.1), ("min_confidence", float("nan")),
])
def test_values_of_the_wrong_kind_are_refused(name, value):
    with pytest.raises(InputError, match=name + " is .*; expected "):
        check_value(name, value)


@pytest.mark.parametrize("value, expected", [
    ([""], ()), (["front", "rear_2", "_left"], ("front", "rear_2", "_left"))])
def test_cameras_are_names(value, expected):
    assert check_value("cameras", value) == expected


@pytest.mark.parametrize("value, complaint", [
    (["front", "front"], "cameras: 'front' stands there twice"),
    (["2nd"], "cameras: '2nd' cannot be part of a topic's name; expected letters, digits and underscores"),
    (["a/b"], "cameras: 'a/b' cannot"), (["a b"], "cameras: 'a b' cannot"), (["~"], "cameras: '~' cannot"),
    (["fr\u00f6nt"], "cannot be part"), (["front\n"], "cannot be part"),
    ("front", r"cameras is 'front'; expected a list of camera names, for example \['front', 'left'\]"),
])
def test_cameras_that_cannot_be_topics_are_refused(value, complaint):
    with pytest.raises(InputError, match=complaint):
        check_value("cameras", value)


def test_a_change_leaves_the_rest_and_other_names_alone():
    settings = changed(DEFAULTS, [Parameter("overlay_alpha", value=1), Parameter("use_sim_time", value=True)])
    assert settings == DEFAULTS._replace(overlay_alpha=1.0)
    assert isinstance(settings.overlay_alpha, float)


def test_masks_become_class_ids():
    assert mask_classes(["Car", "Sky", "car"], CAMVID_11) == [0, 8]
    assert mask_classes(["*"], CAMVID_11) == list(range(11))
    assert mask_classes(["traffic_light"], CITYSCAPES_19) == [6]
    assert mask_classes([], CAMVID_11) == []
    with pytest.raises(InputError, match="masks: unknown class 'Cra': did you mean 'Car'?"):
        mask_classes(["Road", "Cra"], CAMVID_11)


def test_unknown_names_come_with_the_nearest():
    assert unknown_parameters(["model", "use_sim_time", "qos_overrides./clock.subscription.depth"]) == []
    (line,) = unknown_parameters(["qos_overrides./image.subscription.reliability"])
    assert line.endswith("is ignored; set reliability, of the images")
    assert unknown_parameters(["modle"]) == ["unknown parameter 'modle' is ignored; did you mean 'model'?"]
    assert "known: model, backend" in unknown_parameters(["zzz"])[0]


def test_a_parameter_that_would_be_deleted_stays():
    with pytest.raises(InputError, match="masks cannot be deleted; set it to its default instead"):
        changed(DEFAULTS, [Parameter("masks", Parameter.Type.NOT_SET)])
