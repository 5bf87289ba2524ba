"""Every kind of .mcap file gives its frames, and what is damaged or cut off costs no other frame."""

import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from hypothesis import given, settings
from hypothesis import strategies as st
from mcap_files import write_mcap
from recorded_bags import IMAGES, START, STEP, STRING, Record, assert_pictures, images, picture, serialised

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.bags.mcap_file import MESSAGE_INDEX, RECORD_HEADER, McapFile
from bisenet_core.errors import InputError

COUNT = 9


def messages(records):
    """What ``write_mcap`` takes."""
    return [(r.topic, r.kind, r.time, serialised(r)) for r in records]


@pytest.mark.parametrize("compression", ["", "lz4"])
@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("summary", [True, False])
@pytest.mark.parametrize("chunk", [0, 3])
def test_every_kind_of_mcap(tmp_path, chunk, summary, indexed, compression):
    path = write_mcap(tmp_path / "a.mcap", messages(images(COUNT)), chunk, indexed, summary, compression)
    recording = BagDrive(path)
    assert_pictures(recording.frames(), range(COUNT))
    assert (recording.stamps_ns == recording.times_ns).all()
    assert recording.notes() == []


def test_nothing_before_a_range_is_read(tmp_path):
    path = write_mcap(tmp_path / "a.mcap", messages(images(COUNT)), chunk=1)
    data = bytearray(path.read_bytes())
    at = data.find(picture(3).tobytes())
    data[at : at + 100] = bytes(100)
    path.write_bytes(data)
    recording = BagDrive(path)
    assert_pictures(recording.frames(4), range(4, COUNT))
    frames = list(recording.frames())
    assert [frame.index for frame in frames if frame.image is None] == [3], "a damaged one keeps its place"
    assert "checksum" in frames[3].problem


@pytest.mark.parametrize("images_first", [True, False])
def test_mcap_cut_off_between_the_indexes_of_a_chunk_loses_nothing(tmp_path, images_first):
    """A chunk is followed by an index for each of its topics: those that are left tell of some only."""
    others = [Record("/chatter", START + i * STEP + 1, "hello", STRING) for i in range(COUNT)]
    pairs = zip(images(COUNT), others) if images_first else zip(others, images(COUNT))
    records = [record for pair in pairs for record in pair]
    path = write_mcap(tmp_path / "a.mcap", messages(records), chunk=6, summary=False)
    data = path.read_bytes()
    records = McapFile(path).records(8)
    indexes = [start - RECORD_HEADER.size for opcode, start, _ in records if opcode == MESSAGE_INDEX]
    for cut in (indexes[-2], indexes[-1], indexes[-1] + 5):  # before both, between them, within the second
        path.write_bytes(data[:cut])
        recording = BagDrive(path)
        assert_pictures(recording.frames(), range(COUNT))
        (note,) = recording.notes()
        assert "was cut off" in note


@settings(max_examples=200)
@given(
    data=st.data(),
    chunk=st.sampled_from([0, 2]),
    summary=st.booleans(),
    compression=st.sampled_from(["", "lz4"]),
)
def test_a_damaged_file_is_refused_in_one_line_or_read_frame_by_frame(
    tmp_path_factory, data, chunk, summary, compression
):
    """No byte of it is trusted: a frame that is read is of its own size, and any other says why it is not."""
    path = tmp_path_factory.mktemp("bag") / "a.mcap"
    records = [Record(IMAGES, START + index * STEP, picture(index, 3, 2)) for index in range(4)]
    content = bytearray(write_mcap(path, messages(records), chunk, True, summary, compression).read_bytes())
    first = data.draw(st.integers(8, len(content) - 1))
    damage = data.draw(st.sampled_from([b"\xff", b"\0", b"\xff" * 8, b"\x7f" * 8, b"\0" * 60]))
    content[first : first + len(damage)] = damage
    path.write_bytes(content)
    try:
        with BagDrive(path) as drive:
            frames, notes = list(drive.frames()), drive.notes()
    except InputError as error:
        notes = [str(error)]
    else:
        assert [frame.index for frame in frames] == list(range(len(frames)))
        assert all((frame.image is None) == bool(frame.problem) for frame in frames)
    assert not any("\n" in note for note in notes)
