"""Ground truth finds its frame by stamp, number or order, or says in one line why it does not."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from recorded_bags import (
    COMPRESSED,
    LABELS,
    RAW,
    START,
    STEP,
    STRING,
    Record,
    images,
    label_records,
    labels,
    picture,
    png,
    storage_file,
    write_bag,
    write_ros1_bag,
)
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.opening import open_truth
from bisenet_core.drives.truth.folder_truth import stamp_in
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11

COUNT = 5


def with_topic(bag, topic=LABELS):
    return BagDrive(bag, truth=open_truth(None, topic, bag, CAMVID_11))


def with_folder(bag, folder):
    return BagDrive(bag, truth=open_truth(folder, None, bag, CAMVID_11))


def expected(index):
    """As they are stored, but for 11, which is CamVid's unlabelled."""
    known = labels(index)
    return np.where(known == 11, 255, known).astype(np.uint8)


def assert_truth(recording, indices):
    """The frames of these numbers have their labels, the others have neither labels nor a problem."""
    for frame in recording.frames():
        assert frame.problem == ""
        if frame.index in indices:
            np.testing.assert_array_equal(frame.truth, expected(frame.index))
        else:
            assert frame.truth is None


def write_folder(folder, names):
    folder.mkdir()
    for index, name in names.items():
        cv2.imwrite(str(folder / f"{name}.png"), labels(index))
    return folder


def refusal(make, *arguments):
    with pytest.raises(InputError) as caught:
        make(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", [RAW, COMPRESSED])
@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize("compression", [None, CompressionMode.MESSAGE])
def test_topic_by_stamp(tmp_path, kind, storage, compression):
    records = [*images(COUNT), *reversed(label_records(COUNT, kind))]  # recorded behind all, in another order
    recording = with_topic(write_bag(tmp_path / "drive", records, storage, compression))
    assert_truth(recording, range(COUNT))
    assert recording.truth.description == f"{COUNT} labels on {LABELS}, by stamp"
    assert recording.notes() == []
    recording.close()


def test_topic_in_a_ros1_bag(tmp_path):
    bag = write_ros1_bag(tmp_path / "a.bag", [*images(COUNT), *label_records(COUNT)])
    assert_truth(BagDrive(bag, "/camera/image_raw", open_truth(None, LABELS, bag, CAMVID_11)), range(COUNT))


def test_topic_whose_labels_match_in_part_or_never(tmp_path):
    some = label_records(COUNT)[1:3]
    other = Record(LABELS, START, labels(0), RAW, START + 1)  # one nanosecond beside the frame's stamp
    recording = with_topic(write_bag(tmp_path / "a", [*images(COUNT), *some, other]))
    assert_truth(recording, (1, 2))
    unused, without = recording.notes()
    assert "1 of its 3 labels match no frame" in unused
    assert "3 of 5 frames have none" in without
    (none,) = with_topic(write_bag(tmp_path / "b", [*images(COUNT), other])).notes()
    assert "none of its 1 labels matches a frame; nothing is scored" in none


def test_images_of_one_stamp_have_the_labels_of_that_stamp_in_turn(tmp_path):
    stuck = [record._replace(stamp=START) for record in images(COUNT)]
    theirs = [record._replace(stamp=START) for record in label_records(COUNT)]
    recording = with_topic(write_bag(tmp_path / "as many", [*stuck, *theirs]))
    assert_truth(recording, range(COUNT))
    assert not any("ground truth" in note for note in recording.notes())


@pytest.mark.parametrize("labelled", [1, COUNT - 1, COUNT + 1])
def test_images_of_one_stamp_with_another_number_of_labels_are_left_out(tmp_path, labelled):
    stuck = [record._replace(stamp=START) for record in images(COUNT)]
    theirs = [record._replace(stamp=START) for record in label_records(labelled)]
    recording = with_topic(write_bag(tmp_path / "drive", [*stuck, *theirs]))
    reason = f"ground truth left out: its stamp is on {COUNT} images and {labelled} labels"
    assert {(frame.truth is None, frame.problem) for frame in recording.frames()} == {(True, reason)}
    assert f"{COUNT} frames are left out" in recording.notes()[-1]


def test_images_of_one_stamp_and_a_file_for_it_are_left_out(tmp_path):
    records = images(COUNT)
    records[3] = records[3]._replace(stamp=records[2].time)
    names = {index: START + index * STEP for index in range(3)}
    recording = with_folder(write_bag(tmp_path / "drive", records), write_folder(tmp_path / "truth", names))
    frames = list(recording.frames())
    assert [frame.truth is not None for frame in frames] == [True, True, False, False, False]
    assert [frame.problem != "" for frame in frames] == [False, False, True, True, False]
    _, unclear, without = recording.notes()
    assert "2 frames are left out" in unclear and "1 of 5 frames have none" in without


def test_labels_that_do_not_fit_are_left_out_with_the_reason(tmp_path):
    records = label_records(COUNT)
    records[1] = records[1]._replace(pixels=labels(1, 16, 24))
    records[2] = records[2]._replace(pixels=picture(2))
    records[3] = records[3]._replace(pixels=np.full((24, 32), 37, np.uint8))
    recording = with_topic(write_bag(tmp_path / "drive", [*images(COUNT), *records]))
    frames = list(recording.frames())
    assert [frame.truth is None for frame in frames] == [False, True, True, True, False]
    assert all(frame.image is not None for frame in frames)
    for frame, words in zip(frames[1:4], (("16x24", "32x24"), ("colour",), ("37", "CamVid-11"))):
        assert frame.problem.startswith("ground truth left out: ")
        assert all(word in frame.problem for word in words)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1", "mono16"])
def test_topic_of_any_encoding_that_holds_ids(tmp_path, encoding):
    records = [record._replace(encoding=encoding) for record in label_records(COUNT)]
    assert_truth(with_topic(write_bag(tmp_path / "drive", [*images(COUNT), *records])), range(COUNT))


def test_topic_of_pngs_of_16_bits(tmp_path):
    deep = [r._replace(pixels=r.pixels.astype(np.uint16)) for r in label_records(COUNT, COMPRESSED)]
    assert_truth(with_topic(write_bag(tmp_path / "drive", [*images(COUNT), *deep])), range(COUNT))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pixels": cv2.imencode(".jpg", labels(0))[1].tobytes(), "kind": COMPRESSED}, "it is a JPEG"),
        ({"pixels": png(picture(0)), "kind": COMPRESSED}, "it is a colour image"),
        ({"pixels": picture(0)}, "it is a colour image"),
        ({"encoding": "16UC1"}, "it is 16UC1, as depth images are"),
        ({"encoding": "32FC1"}, "it is an image of floating-point numbers"),
        ({"encoding": "32SC1"}, "it is of the encoding '32SC1'"),
        ({"pixels": labels(0).astype(np.uint16) + 300, "encoding": "mono16"}, "it holds id 300"),
    ],
)
def test_topic_that_cannot_hold_ids_is_left_out_by_what_it_is(tmp_path, change, words):
    records = [record._replace(**change) for record in label_records(2)]
    frames = list(with_topic(write_bag(tmp_path / "drive", [*images(2), *records])).frames())
    assert all(frame.truth is None and f"left out: {words}" in frame.problem for frame in frames)


@pytest.mark.parametrize("kind", ["low bits", "palette"])
def test_folder_of_low_bits_or_palettes(tmp_path, kind):
    image = pytest.importorskip("PIL.Image")
    folder, ids = tmp_path / "truth", np.arange(24 * 32, dtype=np.uint8).reshape(24, 32) % 4
    folder.mkdir()
    file = image.fromarray(ids, "P")
    file.putpalette(range(255, 243, -1))
    file.save(folder / "000000.png", bits=2)
    if kind == "low bits":
        image.fromarray(ids > 0).save(folder / "000000.png")
        ids = (ids > 0).astype(np.uint8)
    (frame,) = with_folder(write_bag(tmp_path / "drive", images(1)), folder).frames()
    np.testing.assert_array_equal(frame.truth, ids)


def test_label_topic_of_another_type_or_missing(tmp_path):
    bag = write_bag(tmp_path / "drive", [*images(1), Record("/chatter", START, "hello", STRING)])
    assert f"/chatter is {STRING}" in refusal(with_topic, bag, "/chatter")
    assert "no topic /nowhere" in refusal(with_topic, bag, "/nowhere")
    assert "name one of the two" in refusal(open_truth, tmp_path, LABELS, bag, CAMVID_11)
    assert open_truth(None, None, bag, CAMVID_11) is None


def test_topic_of_a_bag_that_was_cut_off(tmp_path):
    pairs = [record for pair in zip(images(40), label_records(40)) for record in pair]
    file = storage_file(write_bag(tmp_path / "drive", pairs))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    scored = [frame.index for frame in with_topic(file).frames() if frame.truth is not None]
    assert scored == list(range(len(scored))) and len(scored) > 10


@pytest.mark.parametrize(
    "name", ["{0}", "{1}_{2:09d}", "{1}_{2}", "{1}.{2:09d}"], ids=["ns", "sec_nsec", "unpadded", "sec.nsec"]
)
def test_folder_by_stamp(tmp_path, name):
    bag = write_bag(tmp_path / "drive", images(COUNT))
    stamps = {index: START + index * STEP for index in (0, 2, 3)}
    names = {index: name.format(stamp, *divmod(stamp, 10**9)) for index, stamp in stamps.items()}
    recording = with_folder(bag, write_folder(tmp_path / "truth", {**names, 9: "1600000000000000000"}))
    assert_truth(recording, stamps)
    unused, without = recording.notes()
    assert "by the stamp" in recording.truth.description and "1 of its 4 labels match no frame" in unused
    assert "2 of 5 frames have none" in without


def test_stamps_in_names():
    assert stamp_in("1700000000.1") == 1_700_000_000_100_000_000, "a decimal fraction"
    assert stamp_in("1700000000_1") == 1_700_000_000_000_000_001, "seconds and nanoseconds"
    assert stamp_in("000012") is stamp_in("frame_12") is stamp_in("1_2_3") is stamp_in("") is None


def test_folder_of_simulated_time_from_zero(tmp_path):
    records = [Record("/image", START + i, picture(i), RAW, i * 400_000_000) for i in range(COUNT)]
    bag = write_bag(tmp_path / "drive", records)
    names = {index: str(index * 400_000_000) for index in range(COUNT)}
    assert_truth(with_folder(bag, write_folder(tmp_path / "truth", names)), range(COUNT))


@pytest.mark.parametrize(
    ("names", "way"),
    [
        ({0: "000000", 3: "000003"}, "by the number"),
        ({index: f"{index + 1:06d}" for index in range(COUNT)}, "in the order"),  # counted from one
        ({index: f"frame_{index * 5}" for index in range(COUNT)}, "in the order"),  # 5 comes before 10
    ],
)
def test_folder_by_sequence_says_which(tmp_path, names, way):
    recording = with_folder(
        write_bag(tmp_path / "drive", images(COUNT)), write_folder(tmp_path / "truth", names)
    )
    assert_truth(recording, names)
    assert way in recording.truth.description


def test_numbered_folder_of_a_bag_that_lost_its_end(tmp_path):
    names = {index: f"{index:06d}" for index in range(COUNT + 2)}
    recording = with_folder(
        write_bag(tmp_path / "drive", images(COUNT)), write_folder(tmp_path / "truth", names)
    )
    assert_truth(recording, range(COUNT))
    (unused,) = recording.notes()
    assert "by the number" in recording.truth.description and "2 of its 7 labels match no frame" in unused
    from_one = write_folder(tmp_path / "from one", {i: f"{i + 1:06d}" for i in range(COUNT + 2)})
    assert "number from 000000" in refusal(with_folder, tmp_path / "drive", from_one), "000001 is whose?"


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_numbers_say_nothing_where_images_before_others_are_missing(tmp_path, storage):
    numbered = write_folder(tmp_path / "truth", {index: f"{index:06d}" for index in range(2 * COUNT)})
    stamped = write_folder(tmp_path / "stamped", {i: START + i * STEP for i in range(2 * COUNT)})
    records = images(2 * COUNT)
    halves = [storage_file(write_bag(tmp_path / name, part, storage))
              for name, part in (("a", records[:COUNT]), ("b", records[COUNT:]))]
    both = tmp_path / "both"
    both.mkdir()
    for half, name in zip(halves, "12"):
        half.rename(both / f"{name}{half.suffix}")
    assert_truth(with_folder(both, numbered), range(2 * COUNT))
    first = both / f"1{halves[0].suffix}"
    first.write_bytes(first.read_bytes()[:50])
    assert "name each by its image's stamp" in refusal(with_folder, both, numbered)
    frames = list(with_folder(both, stamped).frames())
    np.testing.assert_array_equal(frames[0].truth, expected(COUNT))


@pytest.mark.parametrize("missing", [0, 2, COUNT - 1])
def test_one_missing_label_does_not_change_whose_the_others_are(tmp_path, missing):
    bag, names = write_bag(tmp_path / "drive", images(COUNT)), {i: f"{i + 1:06d}" for i in range(COUNT)}
    del names[missing]
    assert "number from 000000" in refusal(with_folder, bag, write_folder(tmp_path / "from one", names))


def test_folder_that_cannot_be_matched_or_read(tmp_path):
    bag = write_bag(tmp_path / "drive", images(COUNT))
    some = write_folder(tmp_path / "some", {0: "frame_0", 1: "frame_1"})
    assert "2 labels for 5 images" in refusal(with_folder, bag, some)
    twice = write_folder(tmp_path / "twice", {0: "0", 1: "00"})
    assert "same image" in refusal(with_folder, bag, twice)
    assert "no PNG files" in refusal(with_folder, bag, bag)
    assert "cannot list" in refusal(with_folder, bag, tmp_path / "nowhere")


def test_file_that_is_no_label_image(tmp_path):
    bag = write_bag(tmp_path / "drive", images(COUNT))
    folder = write_folder(tmp_path / "truth", {0: "000000"})
    (folder / "000001.png").write_bytes(png(picture(1)))
    (folder / "000002.png").write_bytes(png(labels(2))[:-30])
    problems = [frame.problem for frame in with_folder(bag, folder).frames()]
    assert "it is a colour image" in problems[1] and "end before the image does" in problems[2]
    assert problems[0] == problems[3] == ""
    assert not any(str(folder) in problem for problem in problems), "one reason is one line, for any number"


def test_label_topic_is_never_taken_for_the_camera(tmp_path):
    records = [*images(COUNT, topic="/front"), *label_records(COUNT, topic="/before/labels")]
    recording = with_topic(write_bag(tmp_path / "drive", records), "/before/labels")
    assert (recording.topic, recording.notes()) == ("/front", [])
    message = refusal(BagDrive, recording.path, "/before/labels", recording.truth)
    assert "/before/labels is the label topic" in message and "/front" in message
