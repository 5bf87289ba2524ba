"""Every kind of bag gives every frame in order, from any place in it; every oddity is one clear line."""

import errno
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_bags import (
    COMPRESSED,
    IMAGES,
    RAW,
    START,
    STEP,
    STRING,
    Record,
    assert_pictures,
    images,
    picture,
    serialised,
    storage_file,
    write_bag,
    write_ros1_bag,
)
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.bags.bag import Bag
from bisenet_core.drives.bags.compression import zstd_module
from bisenet_core.drives.opening import open_drive
from bisenet_core.errors import InputError

MCAP, SQLITE = StoragePlugin.MCAP, StoragePlugin.SQLITE3
COUNT = 9
KINDS = {
    "mcap": lambda path, records: write_bag(path, records, MCAP),
    "mcap, chunks packed": lambda path, records: write_bag(path, records, MCAP, CompressionMode.STORAGE),
    "mcap, messages packed": lambda path, records: write_bag(path, records, MCAP, CompressionMode.MESSAGE),
    "mcap, file packed": lambda path, records: write_bag(path, records, MCAP, CompressionMode.FILE),
    "db3": lambda path, records: write_bag(path, records, SQLITE),
    "db3, messages packed": lambda path, records: write_bag(path, records, SQLITE, CompressionMode.MESSAGE),
    "db3, file packed": lambda path, records: write_bag(path, records, SQLITE, CompressionMode.FILE),
    "ros1": lambda path, records: write_ros1_bag(path.with_suffix(".bag"), records),
}


def assert_refused(path, *words, **options):
    with pytest.raises(InputError) as caught:
        BagDrive(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def only_note(recording, *words):
    (note,) = recording.notes()
    assert "\n" not in note
    for word in words:
        assert word in note


@pytest.mark.parametrize("write", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("kind", [RAW, COMPRESSED])
def test_every_kind_of_bag(tmp_path, write, kind):
    others = [Record("/chatter", START + i * STEP + 1, "hello", STRING) for i in range(COUNT)]
    records = sorted(images(COUNT, kind) + others, key=lambda record: record.time)
    with BagDrive(write(tmp_path / "drive", records)) as recording:
        assert (len(recording), recording.topic) == (COUNT, IMAGES)
        assert recording.rate_hz == pytest.approx(10)
        assert_pictures(recording.frames(), range(COUNT))
        assert_pictures(recording.frames(4, 7), range(4, 7))
        assert_pictures(recording.frames(COUNT - 1, 100), [COUNT - 1])
        assert list(recording.frames(5, 5)) == []
        np.testing.assert_array_equal(recording.stamps_ns, recording.times_ns)
        assert recording.notes() == [] or "compressed as a whole" in recording.notes()[0]


@settings(max_examples=25)
@given(
    times=st.lists(st.integers(0, 6), min_size=1, max_size=12),
    storage=st.sampled_from([MCAP, SQLITE]),
    start=st.integers(0, 12),
    length=st.integers(0, 12),
)
def test_order_is_that_of_rosbags_whatever_the_times(tmp_path_factory, times, storage, start, length):
    folder = tmp_path_factory.mktemp("bag") / "drive"
    write_bag(folder, [Record(IMAGES, START + t, picture(i)) for i, t in enumerate(times)], storage)
    with AnyReader([folder]) as reader:
        expected = [(time, bytes(data)) for _, time, data in reader.messages()]
    bag = Bag(folder)
    messages = bag.messages(IMAGES, [RAW])
    found = [bytes(messages.read(index).data) for index in range(len(messages))]
    assert list(zip(messages.times_ns, found)) == expected
    frames = list(BagDrive(folder).frames(start, start + length))
    assert [f.recorded_ns for f in frames] == [time for time, _ in expected][start : start + length]
    bag.close()


def test_frames_may_be_read_in_another_thread(tmp_path):
    for name, storage in (("a", MCAP), ("b", SQLITE)):
        recording = BagDrive(write_bag(tmp_path / name, images(COUNT), storage))
        found = []
        thread = threading.Thread(target=lambda r=recording, f=found: f.extend(r.frames()))
        thread.start()
        thread.join()
        assert_pictures(found, range(COUNT))


def test_folder_of_several_files_with_and_without_metadata(tmp_path):
    folder = tmp_path / "drive"
    folder.mkdir()
    records = images(COUNT)
    for part in range(3):
        bag = write_bag(tmp_path / f"part{part}", records[part * 3 : part * 3 + 3])
        storage_file(bag).rename(folder / f"drive_{part + 8}.mcap")  # _10 comes after _9
    recording = BagDrive(folder)
    assert_pictures(recording.frames(), range(COUNT))
    only_note(recording, "drive has no metadata.yaml", "3 storage files")
    names = ["drive_8.mcap", "drive/drive_9.mcap", "drive_10.mcap"]
    (folder / "metadata.yaml").write_text(_metadata(names, 9))
    recording = BagDrive(folder)
    assert_pictures(recording.frames(2, 7), range(2, 7))
    assert recording.notes() == []
    (folder / "drive_9.mcap").unlink()
    missing, counted = BagDrive(folder).notes()
    assert "drive_9.mcap" in missing
    assert "counts 9" in counted and "6 can be read" in counted
    (folder / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    only_note(BagDrive(folder), "metadata.yaml cannot be read", "2 storage files")
    (folder / "drive_10.mcap").write_bytes(b"garbage")
    assert any("drive_10.mcap" in note and "left out" in note for note in BagDrive(folder).notes())


def _metadata(files, count):
    return f"""rosbag2_bagfile_information:
  relative_file_paths: [{", ".join(files)}]
  topics_with_message_count: [{{topic_metadata: {{name: {IMAGES}, type: {RAW}}}, message_count: {count}}}]
"""


@pytest.mark.parametrize("storage", [MCAP, SQLITE])
@pytest.mark.parametrize("compression", [None, CompressionMode.MESSAGE])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_bag_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path, storage, compression, share):
    count = 60
    file = storage_file(write_bag(tmp_path / "drive", images(count), storage, compression))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    recording = BagDrive(file)
    frames = list(recording.frames())
    whole = [frame.index for frame in frames if frame.image is not None]
    assert whole == list(range(len(whole))), "from the beginning, without gaps"
    assert len(whole) >= share * count - 10
    for frame in frames[: len(whole)]:
        np.testing.assert_array_equal(frame.image, picture(frame.index))
    assert any("was cut off" in note for note in recording.notes())


@pytest.mark.parametrize("storage", [MCAP, SQLITE])
def test_bag_of_which_nothing_is_left(tmp_path, storage):
    file = storage_file(write_bag(tmp_path / "drive", images(3), storage))
    file.write_bytes(file.read_bytes()[:60])
    assert_refused(file.parent, str(file.parent), "cannot be read as a bag")


def test_ros1_bag_that_was_cut_off_is_refused_with_what_to_do(tmp_path):
    path = write_ros1_bag(tmp_path / "a.bag", images(COUNT))
    path.write_bytes(path.read_bytes()[:-100])
    assert_refused(path, "a.bag", "rosbag reindex")


KILLED_RECORDER = """
import os, sqlite3, sys
file, mode = sys.argv[1:]
database = sqlite3.connect(file)
database.execute(f"PRAGMA journal_mode={mode}")
database.execute("PRAGMA wal_autocheckpoint=0")
database.execute("PRAGMA cache_size=1")  # a journal is written when the pages do not fit
rows = database.execute("SELECT * FROM messages ORDER BY id").fetchall()
database.execute("DELETE FROM messages WHERE id > 2")
if mode == "WAL":
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows[2:])
    database.commit()
os._exit(0)
"""


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_bag_of_a_killed_recorder_is_read_with_its_log(tmp_path, mode):
    """Its messages are in the log alone, or its file is half rewritten and the log has what it was."""
    file = storage_file(write_bag(tmp_path / "drive", images(COUNT), SQLITE))
    subprocess.run([sys.executable, "-c", KILLED_RECORDER, file, mode], check=True)
    before = {path: path.read_bytes() for path in file.parent.iterdir()}
    (log,) = [path.name for path in before if path.name.endswith(("-wal", "-journal"))]
    with BagDrive(file) as recording:
        assert_pictures(recording.frames(), range(COUNT))
        only_note(recording, "was not closed by its recorder", log)
    assert {path: path.read_bytes() for path in file.parent.iterdir()} == before  # nothing is written


def test_log_that_is_cut_off_or_no_log_costs_only_what_it_has(tmp_path):
    file = storage_file(write_bag(tmp_path / "drive", images(COUNT), SQLITE))
    subprocess.run([sys.executable, "-c", KILLED_RECORDER, file, "WAL"], check=True)
    log = file.with_name(file.name + "-wal")
    log.write_bytes(log.read_bytes()[:-100])
    with BagDrive(file) as recording:
        assert_pictures(recording.frames(), range(2))  # the log's only transaction is not whole
        assert "was not closed" in recording.notes()[0]
    log.write_bytes(b"x")
    with BagDrive(file) as recording:
        assert_pictures(recording.frames(), range(len(recording)))


def test_bag_that_cannot_be_copied_says_how_to_recover_it(tmp_path, monkeypatch):
    file = storage_file(write_bag(tmp_path / "drive", images(2), SQLITE))
    file.with_name(file.name + "-wal").write_bytes(b"x")

    def full(*paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    how = f"sqlite3 {file} 'PRAGMA wal_checkpoint(TRUNCATE)'"
    assert_refused(file, "-wal", "No space left on device", how)


@pytest.mark.parametrize("ending", [".zstd", ".zst", ".ZST"])
@pytest.mark.parametrize("kind", ["mcap", "db3", "bag"])
def test_file_that_is_compressed_as_a_whole(tmp_path, kind, ending):
    if kind == "bag":
        plain = write_ros1_bag(tmp_path / "drive.bag", images(COUNT))
    else:
        plain = storage_file(write_bag(tmp_path / "drive", images(COUNT), MCAP if kind == "mcap" else SQLITE))
    packed = tmp_path / (plain.name + ending)
    packed.write_bytes(zstd_module().compress(plain.read_bytes()))
    with open_drive(packed) as recording:
        assert_pictures(recording.frames(), range(COUNT))
        only_note(recording, packed.name, "compressed as a whole")


def test_compressed_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path):
    plain = storage_file(write_bag(tmp_path / "drive", images(200), MCAP))
    packed = tmp_path / "drive.mcap.zst"
    data = zstd_module().compress(plain.read_bytes())
    packed.write_bytes(data[: len(data) * 2 // 3])
    with BagDrive(packed) as recording:
        assert 50 < len(recording) < 200 and any("was cut off" in note for note in recording.notes())
        assert_pictures(recording.frames(0, 50), range(50))


def test_messages_that_are_no_images_keep_their_place(tmp_path):
    records = images(5)
    records[1] = records[1]._replace(pixels=serialised(records[1])[:-50])
    records[2] = records[2]._replace(pixels=b"\0\1\0\0")
    records[3] = Record(IMAGES, records[3].time, b"\xff\xd8 no JPEG", COMPRESSED)
    recording = BagDrive(write_bag(tmp_path / "drive", records))
    frames = list(recording.frames())
    assert [frame.image is None for frame in frames] == [False, True, True, True, False]
    assert [frame.stamp_ns for frame in frames] == [record.time for record in records]
    for frame in frames[1:4]:
        assert frame.problem and "\n" not in frame.problem
    only_note(recording, "1 images have no readable header")


def test_stamps_that_go_back_and_repeat_and_times_that_repeat(tmp_path):
    stamps = [5, 3, 3, 9]
    records = [Record(IMAGES, START + i // 2, picture(i), RAW, START + s) for i, s in enumerate(stamps)]
    recording = BagDrive(write_bag(tmp_path / "drive", records))
    assert [frame.stamp_ns - START for frame in recording.frames()] == stamps
    assert [note.split()[0] for note in recording.notes()] == ["2", "1", "1"]
    assert "recorded at the same time" in recording.notes()[0]
    assert "before the one before" in recording.notes()[1]
    assert "repeat another's stamp" in recording.notes()[2]


def test_size_may_change(tmp_path):
    records = [Record(IMAGES, START + i, picture(i, 32 + 16 * (i > 1), 24)) for i in range(4)]
    frames = list(BagDrive(write_bag(tmp_path / "drive", records)).frames())
    assert [frame.image.shape[1] for frame in frames] == [32, 32, 48, 48]


def test_topics(tmp_path):
    records = images(2, topic="/rear") + images(3, topic="/front")
    records.append(Record("/chatter", START, "hello", STRING))
    path = write_bag(tmp_path / "drive", records)
    recording = BagDrive(path)
    assert (recording.topic, len(recording)) == ("/front", 3)
    only_note(recording, "/front", "/rear")
    assert len(BagDrive(path, topic="/rear")) == 2
    assert_refused(path, "/left", "/front, /rear", topic="/left")
    assert_refused(path, "/chatter", STRING, "/front, /rear", topic="/chatter")
    only = write_bag(tmp_path / "talk", records[-1:])
    assert_refused(only, "holds no images", f"/chatter ({STRING})")


@pytest.mark.parametrize(
    "depth",
    [
        {"encoding": "16UC1"},
        {"encoding": "32FC1"},
        {"kind": COMPRESSED, "encoding": "16UC1; png compressed "},
        {"kind": COMPRESSED, "encoding": "32FC1; jpeg compressed mono8"},
        {"kind": COMPRESSED, "encoding": "16UC1; compressedDepth png", "pixels": bytes(12) + b"\x89PNG"},
    ],
    ids=lambda one: one["encoding"],
)
def test_topics_of_depth_come_last(tmp_path, depth):
    pixels = np.full((24, 32), 700, np.uint16)
    first = Record("/a_depth", START, **{"pixels": pixels, **depth})
    cut = images(4, COMPRESSED)
    cut[0] = cut[0]._replace(pixels=cut[0].pixels.tobytes()[:40])  # the camera's first image is damaged
    path = write_bag(tmp_path / "drive", [first, *cut])
    drive = BagDrive(path)
    assert drive.topic == IMAGES
    only_note(drive, f"playing {IMAGES} of its image topics /a_depth, {IMAGES}")
    refused = list(BagDrive(path, topic="/a_depth").frames())[0]
    assert refused.image is None and "unsupported" in refused.problem
    only = BagDrive(write_bag(tmp_path / "depth", [first]))  # nothing better to choose
    assert only.topic == "/a_depth"


def test_a_step_that_leaves_bytes_over_is_noted_once(tmp_path):
    records = [record._replace(padding=32) for record in images(3)]
    drive = BagDrive(write_bag(tmp_path / "sheared", records))
    assert [frame.problem for frame in drive.frames()] == ["", "", ""]
    only_note(drive, f"{IMAGES} may be read wrongly: of image 0, step is 96 bytes, but", "rows of 128")


def test_significant_bits_of_16_bit_samples(tmp_path):
    full = np.random.default_rng(0).integers(0, 1 << 16, (24, 32), np.uint16)
    path = write_bag(tmp_path / "dark", [Record(IMAGES, START, full >> 4, encoding="mono16")])
    only_note(BagDrive(path), f"{IMAGES} may be read wrongly: of image 0, no sample uses more than 12 of 16")
    drive = BagDrive(path, significant_bits=12)
    assert drive.opening_notes == []
    np.testing.assert_array_equal(next(drive.frames()).image[..., 0], full >> 8)


def test_name_of_the_folder_that_one_is_in(tmp_path, monkeypatch):
    (write_bag(tmp_path / "drive", images(1)) / "sub").mkdir()
    for folder, path in (("drive", "."), ("drive/sub", "..")):
        monkeypatch.chdir(tmp_path / folder)
        assert BagDrive(Path(path)).name == "drive"


def test_folder_that_is_no_bag(tmp_path):
    assert_refused(tmp_path, "is no bag")
    (tmp_path / "empty.db3").touch()
    assert_refused(tmp_path / "empty.db3", "it is empty")
    (tmp_path / "notes.txt").write_text("none")
    assert_refused(tmp_path / "notes.txt", "ends in .db3, .mcap, .bag")
    bag = write_bag(tmp_path / "bag", images(1))
    next(bag.glob("*.mcap")).unlink()
    assert_refused(bag, "metadata.yaml names missing files: bag.mcap", "no storage file is beside it")
    assert_refused(tmp_path / "missing.mcap", "missing.mcap")
