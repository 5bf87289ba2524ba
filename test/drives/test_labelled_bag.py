"""What is written over a recording is what other readers find in it, whole or not at all."""

import errno

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from recorded_bags import START, STEP, images, labels, picture, storage_file, write_bag
from rosbags.highlevel import AnyReader

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.bag_writer import LabelledFrame, open_labelled_bag
from bisenet_core.drives.opening import open_truth
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.labels.visualization import overlay

COUNT = 25
#: Of vision_msgs/msg/LabelInfo in ROS 2; see test/ros/vision_msgs_package.py.
LABEL_INFO_HASH = "RIHS01_3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783"


@pytest.fixture
def recording(tmp_path):
    return BagDrive(write_bag(tmp_path / "drive", images(COUNT)))


def write(recording, path):
    """Labels for every frame but the third."""
    with open_labelled_bag(path, recording.path, CAMVID_11) as writer:
        for frame in recording.frames():
            found = None if frame.index == 2 else labels(frame.index)
            counts = {"received": frame.index + 1, "failed": int(frame.index >= 2)}
            sure = None if found is None else 255 - found
            writer.write(LabelledFrame(frame, found, sure, {"dropped": frame.index / 2}), counts)
    return path


def read(path):
    """Topic -> times of recording and messages, as rosbags reads them with the bag's own definitions."""
    found = {}
    with AnyReader([path]) as reader:
        for connection, time, data in reader.messages():
            messages = found.setdefault(connection.topic, [])
            messages.append((time, reader.deserialize(data, connection.msgtype)))
        types = {connection.topic: connection for connection in reader.connections}
    return found, types


def stamp(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def test_labels_and_overlay_have_the_images_stamps_times_and_sizes(recording, tmp_path):
    found, types = read(write(recording, tmp_path / "out"))
    assert {topic: c.msgtype for topic, c in types.items()} == {
        "/segmentation/labels": "sensor_msgs/msg/Image",
        "/segmentation/overlay": "sensor_msgs/msg/Image",
        "/segmentation/label_info": "vision_msgs/msg/LabelInfo",
        "/segmentation/confidence": "sensor_msgs/msg/Image",
        "/replay/dropped": "std_msgs/msg/Float64",
        "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
    }
    expected = [index for index in range(COUNT) if index != 2]
    drawn = {
        "labels": lambda index: labels(index)[..., None],
        "confidence": lambda index: 255 - labels(index)[..., None],
        "overlay": lambda index: overlay(picture(index), labels(index), CAMVID_11),
    }
    for topic, encoding in (("labels", "mono8"), ("confidence", "mono8"), ("overlay", "rgb8")):
        messages = found[f"/segmentation/{topic}"]
        assert [time for time, _ in messages] == [START + index * STEP for index in expected]
        for (time, message), index in zip(messages, expected):
            assert (stamp(message), message.header.frame_id) == (time, "camera")
            known = drawn[topic](index)
            assert (message.encoding, message.step) == (encoding, message.width * known.shape[2])
            np.testing.assert_array_equal(message.data.reshape(known.shape), known)


def test_numbers_of_every_frame_are_time_series(recording, tmp_path):
    found, _ = read(write(recording, tmp_path / "out"))
    series = [(time, message.data) for time, message in found["/replay/dropped"]]
    assert series == [(START + index * STEP, index / 2) for index in range(COUNT)]


def test_label_info_and_diagnostics(recording, tmp_path):
    found, types = read(write(recording, tmp_path / "out"))
    ((time, info),) = found["/segmentation/label_info"]
    assert (time, stamp(info)) == (START, START)
    assert [(c.class_id, c.class_name) for c in info.class_map] == list(enumerate(CAMVID_11.classes))
    (qos,) = types["/segmentation/label_info"].ext.offered_qos_profiles
    assert qos.durability.name == "TRANSIENT_LOCAL"
    reports = found["/diagnostics"]
    seconds = [START + 10 * STEP, START + 20 * STEP, START + 24 * STEP]
    assert [time for time, _ in reports] == [stamp(message) for _, message in reports] == seconds
    values = [{v.key: v.value for v in message.status[0].values} for _, message in reports]
    assert values == [{"received": str(count), "failed": "1"} for count in (10, 20, 25)]


def test_types_have_the_hashes_of_ros(recording, tmp_path):
    pytest.importorskip("yaml")
    import yaml

    about = yaml.safe_load((write(recording, tmp_path / "out") / "metadata.yaml").read_text())
    topics = [t["topic_metadata"] for t in about["rosbag2_bagfile_information"]["topics_with_message_count"]]
    hashes = {topic["name"]: topic["type_description_hash"] for topic in topics}
    assert hashes["/segmentation/label_info"] == LABEL_INFO_HASH


def test_its_labels_are_ground_truth_for_the_recording(recording, tmp_path):
    path = write(recording, tmp_path / "out")
    truth = open_truth(None, "/segmentation/labels", path, CAMVID_11)
    scored = [f.index for f in BagDrive(recording.path, truth=truth).frames() if f.truth is not None]
    assert scored == [index for index in range(COUNT) if index != 2]


def test_a_clock_that_jumps_makes_one_report(tmp_path):
    records = images(3)
    records[2] = records[2]._replace(time=START + 10**18, stamp=0)
    recording = BagDrive(write_bag(tmp_path / "drive", records))
    found, _ = read(write(recording, tmp_path / "out"))
    assert [time for time, _ in found["/diagnostics"]] == [START + 10**9, START + 10**18]
    assert stamp(found["/diagnostics"][1][1]) // 10**9 == 2**31 - 1, "as far as ROS 2's clock goes"


def test_nothing_is_ever_replaced(recording, tmp_path):
    before = storage_file(recording.path).read_bytes()
    out = write(recording, tmp_path / "out")
    for path in (recording.path, out, storage_file(recording.path), recording.path / "inside"):
        with pytest.raises(InputError) as caught:
            write(recording, path)
        assert "\n" not in str(caught.value)
    assert storage_file(recording.path).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drive", "out"]


def test_an_evaluation_that_fails_leaves_nothing(recording, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), open_labelled_bag(out, recording.path, CAMVID_11) as writer:
        writer.write(LabelledFrame(next(recording.frames()), labels(0), None, {}), {})
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["drive"]


def test_full_disk_is_one_line_and_leaves_nothing(recording, tmp_path, monkeypatch):
    from rosbags.rosbag2.storage_mcap import McapWriter

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(McapWriter, "write", full)
    with pytest.raises(InputError, match="No space left on device; choose another folder or make room"):
        write(recording, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["drive"]
