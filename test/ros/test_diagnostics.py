"""What the diagnostics say of a camera, from states made by hand."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.images.doubts import Doubt
from bisenet_ros.arrivals import Loss
from bisenet_ros.diagnostics import (
    STATUS_NAME,
    CameraDiagnostics,
    closed_status,
    counts_from_values,
    counts_to_values,
    status_name,
    sum_status,
)
from bisenet_ros.findings import ERROR, OK, WARN, CameraState
from bisenet_ros.frame_account import FrameCounts

PROFILE = Path(__file__).resolve().parents[2] / "config" / "fastdds_large_images.xml"
NOTHING = FrameCounts(0, 0, {}, {})
STATE = CameraState(
    now=100.0, counts=NOTHING, state="active", topic="/camera/image_raw", publishers=1, active_since=99.0,
    last_received=None, last_failure="", stale_after=2.0, times={}, facts={"model": "tiny"})

reasons = st.dictionaries(st.sampled_from(["too_old", "truncated", "inference"]), st.integers(0, 99))


def _statuses(*changes):
    diagnostics = CameraDiagnostics(STATUS_NAME, NOTHING)
    return [diagnostics.status(STATE._replace(**change)) for change in changes]


def _facts(status):
    return {item.key: item.value for item in status.values}


@given(st.integers(0, 999), st.integers(0, 999), reasons, reasons, reasons)
def test_counts_survive_the_way_there_and_back(received, published, dropped, failed, doubtful):
    counts = FrameCounts(received, published, dropped, failed, doubtful)
    assert counts_from_values(dict(counts_to_values(counts), model="tiny")) == counts


def test_rates_are_taken_over_the_last_seconds():
    status = _statuses(*({"now": 100.0 + second, "last_received": 99.9 + second,
                          "counts": FrameCounts(15 * second, 10 * second, {"superseded": 5 * second}, {})}
                         for second in range(10)))[-1]
    assert (status.level, status.message) == (OK, "15.0 images/s in, 10.0 labelled")
    facts = _facts(status)
    assert (facts["rate_hz"], facts["published_hz"]) == ("15.00", "10.00")
    assert (facts["received"], facts["dropped.superseded"], facts["pending"]) == ("135", "45", "0")


@pytest.mark.parametrize("change, level, message", [
    ({}, OK, "waiting for the first image on /camera/image_raw"),
    ({"active_since": 90.0, "publishers": 0}, WARN,
     "no image on /camera/image_raw for 10.0 s: nothing publishes it; start the camera, or remap"),
    ({"last_received": 97.0}, WARN, "it has 1 publisher(s) but nothing arrives; check that"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 0, {}, {"truncated": 1}), "last_failure": "too short"},
     ERROR, "1 image(s) on /camera/image_raw not labelled since the last report (truncated 1), the last: too "
     "short; check the"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 0, {}, {"inference": 1}), "last_failure": "NaN"},
     ERROR, "since the last report (inference 1), the last: NaN; try another model"),
    ({"last_received": 99.5, "counts": FrameCounts(3, 0, {}, {"inference": 2, "truncated": 1})}, ERROR,
     "3 image(s) on /camera/image_raw not labelled since the last report (inference 2, truncated 1), the"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 0, {}, {"abandoned": 1})}, ERROR, "the network hung"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 0, {}, {"device": 1}), "last_failure": "lost"}, ERROR,
     "(device 1), the last: lost; configure the node again, or set fallback:=cpu"),
    ({"last_received": 99.5, "degraded": "GPU failed: lost; running on the CPU"}, WARN,
     "GPU failed: lost; running on the CPU; configure the node again once the GPU works"),
    ({"last_received": 99.5, "clock_stands": True}, WARN, "nothing comes on /clock: images have no age"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 1, {}, {}), "times": {"age": [5.0, -7000.0]}}, WARN,
     "the stamps on /camera/image_raw are 7.0 s ahead of the node's clock"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 1, {}, {}), "times": {"age": [-7e3, 5.0]}}, OK, "s in"),
    ({"doubts": [Doubt("step", "step is 3")], "last_received": 99.5}, WARN, "wrongly: step is 3"),
    ({"loss": Loss(6, 10, 1.0, 1_166_400), "last_received": 99.5}, WARN,
     "6 of 10 images on /camera/image_raw were lost before they came, by the stamps of the others, 1 s "
     "apart: each has 1.2 MB, and Fast DDS's shared memory 0.5 MB; give the camera's process the Fast DDS "
     f"profile for images, {PROFILE}, or,"),
    ({"unread": ["who else is on /a cannot be read"], "last_received": 99.5}, WARN, "who else is on /a"),
    ({"unserved": [f"subscriber /{i}" for i in range(900)], "last_received": 99.5}, WARN, "; and 895 more"),
    ({"unheard": ["publisher /a offers X"]}, ERROR, "images on /camera/image_raw cannot come: publisher"),
    ({"unheard": ["publisher /a offers X"], "publishers": 2}, WARN, "cannot come: publisher /a offers X"),
    ({"unserved": ["subscriber /b asks Y", "subscriber /c asks Z"], "last_received": 99.5}, WARN,
     "subscriber /b asks Y; subscriber /c asks Z"),
    ({"active_since": 90.0, "publishers": 0, "name": "front/image"}, WARN, "or remap `front/image` to its"),
    ({"last_received": 99.5, "counts": FrameCounts(20, 9, {"superseded": 11}, {}),
      "times": {"network": [80.0], "publish": [2.0], "age": [9.0]}}, WARN,
     "11 of 20 images on /camera/image_raw were passed over: labelling is slower than the camera "
     "(ms, p50: network 80.0, publish 2.0); send fewer images"),
    ({"last_received": 99.5, "counts": FrameCounts(20, 10, {"superseded": 10}, {})}, OK, "20.0 images/s in"),
    ({"last_received": 99.5, "counts": FrameCounts(20, 0, {"superseded": 19}, {})}, OK, "20.0 images/s in"),
    ({"last_received": 99.5, "active_since": 94.0, "counts": FrameCounts(20, 0, {"superseded": 19}, {})},
     WARN, "labelling is slower than the camera (ms, p50: none labelled yet)"),
    ({"last_received": 99.5, "active_since": 9.0, "times": {"network": [80.0]},
      "counts": FrameCounts(20, 0, {"superseded": 11, "no_subscriber": 9}, {})}, OK, "nobody subscribes to"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 0, {"too_old": 1}, {})}, WARN, "older than max_image"),
    ({"last_received": 99.5, "busy_since": 71.0}, OK, "images/s in"),  # the first image may take long
    ({"last_received": 99.5, "busy_since": 69.0}, ERROR, "the network has not returned for 31 s"),
    ({"last_received": 99.5, "busy_since": 91.0, "times": {"segment": [80.0]}}, OK, "images/s in"),
    ({"last_received": 99.5, "times": {"segment": [900.0]}, "counts": FrameCounts(1, 0, {"too_old": 1}, {})},
     WARN, "segment_ms_p50 of 900, which must be far below it"),
    ({"last_received": 99.5, "busy_since": 89.0, "counts": FrameCounts(20, 9, {"superseded": 11}, {}),
      "times": {"segment": [80.0], "age": [9.0]}}, ERROR,
     "the network has not returned for 11 s, and no image is labelled; deactivate, then configure"),
    ({"last_received": 99.5, "busy_since": 89.0, "times": {"segment": [900.0]}}, OK, "images/s in"),
    ({"last_received": 99.5, "counts": FrameCounts(1, 0, {"no_subscriber": 1}, {})}, OK, "nobody subscribes"),
    ({"state": "inactive", "active_since": 0.0}, OK, "inactive: no images are taken"),
    ({"fault": "the inference thread has ended: OSError"}, ERROR, "the inference thread has ended: OSError"),
])
def test_each_condition_has_its_level_and_advice(change, level, message):
    status = _statuses({"now": 99.0}, change)[-1]
    assert status.level == level
    assert message in status.message
    assert status.name == STATUS_NAME and status.hardware_id == "tiny"


def test_what_goes_wrong_together_is_said_together():
    status = _statuses({"now": 99.0}, {
        "last_received": 90.0, "counts": FrameCounts(1, 0, {}, {"truncated": 1}), "last_failure": "too short",
        "unserved": ["subscriber /b asks Y"], "publishers": 2, "unheard": ["publisher /a offers X"]})[-1]
    assert status.level == ERROR
    texts = status.message.split("; ")
    assert texts[0].endswith("too short") and "publisher /a offers X" in texts[2]
    assert "no image on /camera/image_raw for 10.0 s" in texts[3] and texts[-1] == "subscriber /b asks Y"


def test_a_long_finding_leaves_the_others_readable():
    status = _statuses({"now": 99.0}, {
        "last_received": 99.5, "counts": FrameCounts(1, 0, {}, {"inference": 1}), "last_failure": 9000 * "x",
        "doubts": [Doubt("step", "step is 3")], "unserved": ["subscriber /b asks Y"]})[-1]
    first, *others = status.message.split("; ")
    assert first.startswith("1 image(s) on") and "xxx...xxx" in first
    assert others == ["try another model, precision or backend", "subscriber /b asks Y",
                      "images on /camera/image_raw may be read wrongly: step is 3"]
    facts = _facts(status)
    assert {key for key in facts if key.startswith("finding.")} == {
        "finding.failed", "finding.unserved", "finding.doubtful"}
    assert facts["finding.doubtful"] == others[-1] and len(facts["finding.failed"]) <= 4000


def test_a_finding_is_new_once():
    diagnostics, news = CameraDiagnostics(STATUS_NAME, NOTHING), []
    for second, received in enumerate([None, None, None, 103.0, None, None]):
        diagnostics.status(STATE._replace(now=100.0 + second, active_since=90.0, last_received=received))
        news.append([finding.kind for finding in diagnostics.new_findings])
    assert news == [["stale"], [], [], [], ["stale"], []]


def test_cameras_are_summed_up():
    front = STATE._replace(counts=FrameCounts(3, 1, {"too_old": 1}, {}))
    left = STATE._replace(counts=FrameCounts(5, 2, {"too_old": 2}, {"truncated": 1}), unserved=["nobody"])
    statuses = [CameraDiagnostics("segmentation: " + name, state.counts).status(state)
                for name, state in (("front", front), ("left", left))]
    status = sum_status("segmentation: all cameras", statuses)
    assert (status.level, status.message) == (WARN, "not well: left")
    assert counts_from_values(_facts(status)) == FrameCounts(8, 3, {"too_old": 3}, {"truncated": 1})
    assert sum_status("", statuses[:1] * 2).message == "2 cameras are well"
    idle = CameraDiagnostics("segmentation: front", front.counts).status(front._replace(state="inactive"))
    assert sum_status("", [idle] * 2).message == "inactive: no images are taken"


def test_the_first_report_tells_of_what_failed_since_the_series_began():
    begun = FrameCounts(7, 6, {}, {"truncated": 1})
    state = STATE._replace(last_received=99.5, last_failure="NaN")
    quiet = CameraDiagnostics(STATUS_NAME, begun).status(state._replace(counts=begun))
    assert quiet.level == OK, "what failed before is another series' story"
    counts = FrameCounts(9, 6, {}, {"truncated": 1, "inference": 2})
    loud = CameraDiagnostics(STATUS_NAME, begun).status(state._replace(counts=counts))
    assert loud.level == ERROR and "(inference 2), the last: NaN" in loud.message


def test_an_error_passes_once_images_are_labelled_again():
    failed = {"truncated": 1}
    statuses = _statuses(
        {"now": 99.0}, {"now": 100.0, "last_received": 100.0, "counts": FrameCounts(1, 0, {}, failed)},
        {"now": 101.0, "last_received": 101.0, "counts": FrameCounts(2, 1, {}, failed)})
    assert [status.level for status in statuses] == [OK, ERROR, OK]


def test_stages_have_percentiles():
    facts = _facts(_statuses({"times": {"latency": [1.0, 2.0, 3.0], "segment": [4.0]}})[0])
    assert (facts["latency_ms_p50"], facts["latency_ms_p99"]) == ("2.00", "2.98")
    assert facts["segment_ms_p99"] == "4.00"


def test_a_node_without_a_model_says_why():
    status = closed_status(STATUS_NAME, NOTHING, "unconfigured", "model 'x' not found")
    assert (status.level, status.message) == (ERROR, "model 'x' not found")
    assert _facts(status)["state"] == "unconfigured"
    assert closed_status(STATUS_NAME, NOTHING, "unconfigured", "").level == OK


def test_names_tell_nodes_apart():
    assert status_name("/", "segmentation") == STATUS_NAME
    assert status_name("/front", "segmentation") == "front/segmentation: image"
    assert status_name("/car", "segmentation", "left") == "car/segmentation: left"
