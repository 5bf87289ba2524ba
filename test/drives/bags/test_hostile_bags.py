"""Bags made to harm: each is one line that names it, within seconds and little memory."""

import bz2
import os
import shutil
import sqlite3
import struct

import lz4.frame
import pytest
from mcap_files import write_mcap
from recorded_bags import IMAGES, RAW, images, serialised, storage_file, write_bag, write_ros1_bag
from rosbags.rosbag2 import StoragePlugin

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.bags import compression, mcap_file, ros1_storage
from bisenet_core.drives.bags.compression import decompress, zstd_module
from bisenet_core.errors import InputError

SQLITE = StoragePlugin.SQLITE3
PACK = {"zstd": lambda data: zstd_module().compress(data), "lz4": lz4.frame.compress, "bz2": bz2.compress}


def refusal(path, *words):
    with pytest.raises(InputError) as caught:
        BagDrive(path)
    text = str(caught.value)
    assert text.isprintable() and len(text) < 1500
    assert text.startswith(str(path))
    for word in words:
        assert word in text
    return text


@pytest.mark.parametrize("kind", PACK)
def test_what_unpacks_to_more_than_it_declares_is_not_unpacked(kind):
    packed = PACK[kind](bytes(1 << 22))
    assert decompress(packed, kind, 1 << 22) == bytes(1 << 22)
    with pytest.raises(ValueError, match="more than the 1000 bytes"):
        decompress(packed, kind, 1000)
    with pytest.raises(ValueError):
        decompress(packed[:-8], kind, 1 << 22)


@pytest.mark.parametrize("kind", ["zstd", "bz2"])
def test_beyond_a_size_nothing_unpacks_to_a_thousand_times_its_own(kind, monkeypatch):
    monkeypatch.setattr(compression, "_ANY_RATIO", 1 << 16)
    packed = PACK[kind](bytes(1 << 24))
    with pytest.raises(ValueError, match="more than the"):
        decompress(packed, kind)


def test_many_empty_frames_end():
    with pytest.raises(ValueError, match="frames"):
        decompress(PACK["zstd"](b"") * 100_000, "zstd")


def test_a_file_that_unpacks_to_more_than_any_recording_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "_ANY_RATIO_OF_FILES", 1 << 20)
    monkeypatch.setattr(compression.tempfile, "tempdir", str(tmp_path))
    bomb = tmp_path / "drive.mcap.zstd"
    bomb.write_bytes(PACK["zstd"](bytes(1 << 28)))
    refusal(bomb, "it unpacks to more than")
    assert os.listdir(tmp_path) == [bomb.name]


def test_a_disk_is_never_filled(tmp_path, monkeypatch):
    plain = storage_file(write_bag(tmp_path / "drive", images(2)))
    packed, killed = tmp_path / "drive.mcap.zstd", storage_file(write_bag(tmp_path / "k", images(2), SQLITE))
    packed.write_bytes(PACK["zstd"](plain.read_bytes()))
    killed.with_name(killed.name + "-wal").write_bytes(b"x")
    BagDrive(packed).close()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9**9, 9**9, 9**9))
    refusal(packed, "No space left on device")
    refusal(killed, "No space left on device", "PRAGMA wal_checkpoint")


def mcap(path, count=2):
    return write_mcap(path, [(IMAGES, RAW, one.time, serialised(one)) for one in images(count)], chunk=1)


def test_indexes_that_repeat_list_no_message_twice(tmp_path):
    path = mcap(tmp_path / "drive.mcap")
    data = path.read_bytes()
    start = data.index(b"\x08", int.from_bytes(data[-28:-20], "little"))
    index = next(r for r in mcap_file.McapFile(path).records(start) if r.opcode == mcap_file.CHUNK_INDEX)
    record = data[index.start - 9 : index.end]
    path.write_bytes(data[: index.start - 9] + record * 1000 + data[index.start - 9 :])
    with BagDrive(path) as drive:
        assert len(drive) == 2


def test_overlapping_chunks_cannot_list_without_end(tmp_path):
    """Chunk indexes that claim another chunk at each byte, each with the same long list of messages."""
    pairs = b"".join(struct.pack("<Qq", time, 0) for time in range(20_000))
    listed = struct.pack("<BQ", 7, len(pairs) + 6) + struct.pack("<HI", 1, len(pairs)) + pairs
    body = bytearray(mcap_file.MAGIC + listed)
    name = struct.pack("<I", len(RAW)) + RAW.encode()
    schema = struct.pack("<H", 1) + name + struct.pack("<II", 0, 0)
    channel = struct.pack("<HHI", 1, 1, 2) + b"/a" + struct.pack("<I", 3) + b"cdr" + bytes(4)
    summary = len(body)
    for opcode, content in ((3, schema), (4, channel)):
        body += struct.pack("<BQ", opcode, len(content)) + content
    for chunk in range(5000):
        content = struct.pack("<QQQQIHQ", 0, 0, chunk, 0, 10, 1, len(mcap_file.MAGIC)) + bytes(28)
        body += struct.pack("<BQ", 8, len(content)) + content
    body += struct.pack("<BQQQI", 2, 20, summary, 0, 0) + mcap_file.MAGIC
    path = tmp_path / "drive.mcap"
    path.write_bytes(body)
    refusal(path, "lists more than its")


def test_numbers_beyond_64_bits_are_damage(tmp_path):
    good = mcap(tmp_path / "good.mcap").read_bytes()
    path = tmp_path / "drive.mcap"
    for at in range(8, len(good) - 8):
        if good[at : at + 8].endswith(bytes(3)):  # a place, a length or a time
            path.write_bytes(good[:at] + b"\xff" * 8 + good[at + 8 :])
            try:
                with BagDrive(path) as drive:
                    drive.notes()
                    assert all(frame.problem.isprintable() for frame in drive.frames())
            except InputError as error:
                assert str(error).isprintable()


TOPIC = "INSERT INTO topics VALUES (1, '/camera', 'sensor_msgs/msg/Image', 'cdr', '')"
PLAIN = ["CREATE TABLE topics (id INTEGER PRIMARY KEY, name, type, serialization_format, qos)",
         "CREATE TABLE messages (id INTEGER PRIMARY KEY, topic_id, timestamp, data)"]
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


def database(path, *statements):
    path.unlink(missing_ok=True)
    base = sqlite3.connect(path)
    for statement in statements:
        base.execute(statement)
    base.commit()
    base.close()
    return path


@pytest.mark.parametrize("statements, words", [
    ([PLAIN[0], TOPIC,
      f"CREATE VIEW messages AS {ENDLESS} SELECT i id, 1 topic_id, i timestamp, x'00' data FROM n"],
     "no plain table of messages"),
    ([PLAIN[1],
      f"CREATE VIEW topics AS {ENDLESS} SELECT i id, 'a' name, 'b' type, 'cdr' serialization_format FROM n"],
     "no plain table of topics"),
    ([PLAIN[0], TOPIC, "CREATE TABLE messages (id INTEGER PRIMARY KEY, topic_id, timestamp, "
      "data AS (zeroblob(900000000)))"], "no plain columns"),
    ([PLAIN[0], TOPIC, "CREATE TABLE messages (id INTEGER PRIMARY KEY, topic_id, timestamp, data, rowid)"],
     "no plain columns"),
    ([*PLAIN, TOPIC.replace("'/camera'", "3.5")], "holds int, float"),
    ([*PLAIN, TOPIC.replace("'/camera'", "x'00'")], "bytes"),
    ([*PLAIN, TOPIC.replace("'/camera'", "hex(zeroblob(1000000))")], "2000000 characters"),
    ([*PLAIN, TOPIC, "INSERT INTO messages VALUES (1, 1, 'noon', x'00')"], "left out"),
    ([*PLAIN, TOPIC, "INSERT INTO messages VALUES (1, 1, 9e99, x'00')"], "left out"),
])
def test_databases_that_are_no_bags(tmp_path, statements, words):
    refusal(database(tmp_path / "drive.db3", *statements), words)


@pytest.mark.parametrize("value", ["5", "NULL", "'text'", "1.5"])
def test_data_of_other_types_is_a_frame_that_cannot_be_read(tmp_path, value):
    path = database(tmp_path / "drive.db3", *PLAIN, TOPIC, f"INSERT INTO messages VALUES (1, 1, 7, {value})")
    with BagDrive(path) as drive:
        assert "cannot be read from the bag" in next(drive.frames()).problem


def test_a_tree_of_pages_that_meet_again_ends(tmp_path):
    """Interior pages that all point at the same page below, many levels deep: rows without end."""
    page = 512
    rows = [f"INSERT INTO messages VALUES ({i}, 1, {i}, zeroblob(60))" for i in range(2000)]
    path = database(tmp_path / "drive.db3", f"PRAGMA page_size = {page}", *PLAIN, TOPIC, *rows)
    with sqlite3.connect(path) as base:
        (root,) = base.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
        levels = range(base.execute("PRAGMA page_count").fetchone()[0] - 12, 0, -1)
    base.close()
    data = bytearray(path.read_bytes())
    leaf = next(p for p in range(2, len(data) // page) if data[(p - 1) * page] == 13 and p != root)
    below = leaf
    for level in [*list(levels)[:8], root]:
        if level in (leaf, root) and level != root:
            continue
        cells = 40
        header = struct.pack(">BHHHBI", 5, 0, cells, page - 5 * cells, 0, below)
        places = b"".join(struct.pack(">H", page - 5 * (n + 1)) for n in range(cells))
        body = b"".join(struct.pack(">IB", below, 1) for _ in range(cells))
        data[(level - 1) * page : level * page] = (header + places).ljust(page - len(body), b"\0") + body
        below = level
    path.write_bytes(data)
    refusal(path, "left out")


def test_a_journal_cannot_delete_a_file_elsewhere(tmp_path):
    """SQLite deletes what a journal names as the journal above it, when it recovers."""
    victim = tmp_path / "precious.txt"
    victim.write_text("kept")
    path = database(tmp_path / "drive.db3", *PLAIN, TOPIC)
    magic, name = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", str(victim).encode()
    header = (magic + struct.pack(">IIIII", 0, 1, path.stat().st_size // 4096, 512, 4096)).ljust(512, b"\0")
    end = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    (tmp_path / "drive.db3-journal").write_bytes(header + end)
    refusal(path, "its journal names another file")
    assert victim.read_text() == "kept"


@pytest.mark.parametrize("text", [
    "rosbag2_bagfile_information: {relative_file_paths: [drive.mcap], topics_with_message_count: "
    "[{topic_metadata: {name: a, type: b}, message_count: .inf}]}",
    "a: " + "[" * 9999, "a: 1" + ":1" * 300_000, "a: &a [*a]", "a: 2001-13-45", "[1]", "a: " + "9" * 400,
    "rosbag2_bagfile_information: {relative_file_paths: [{}], topics_with_message_count: 3}",
    "\0", "? " * 9999,
])
def test_metadata_that_holds_anything_leaves_the_storage_to_be_read(tmp_path, text):
    folder = write_bag(tmp_path / "drive", images(2))
    (folder / "metadata.yaml").write_text(text)
    with BagDrive(folder) as drive:
        assert len(drive) == 2
        assert "metadata.yaml cannot be read" in drive.opening_notes[0]


def ros1(tmp_path):
    return write_ros1_bag(tmp_path / "drive.bag", images(20))


def test_chunk_infos_of_ros1_that_repeat_list_nothing_twice(tmp_path):
    path = ros1(tmp_path)
    data = bytearray(path.read_bytes())
    (begin,) = struct.unpack_from("<Q", data, data.index(b"index_pos=") + 10)
    while ros1_storage._record(data, begin)[0][b"op"] != b"\x06":
        begin = ros1_storage._record(data, begin)[2]
    record = bytes(data[begin:])
    count_at = data.index(b"chunk_count=") + 12
    (chunks,) = struct.unpack_from("<I", data, count_at)
    struct.pack_into("<I", data, count_at, chunks * 2000)
    path.write_bytes(bytes(data) + record * 1999)
    refusal(path, "rosbag reindex")


def test_a_chunk_of_ros1_unpacks_to_no_more_than_it_says(tmp_path):
    path = ros1(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.index(b"compression=none")
    assert data[at - 4 : at] == struct.pack("<I", 16)
    data[at : at + 16] = b"compression=zstd"
    path.write_bytes(data)
    refusal(path, "zstd")


def test_others_are_read_where_one_file_is_bad(tmp_path):
    folder = write_bag(tmp_path / "drive", images(2))
    (folder / "metadata.yaml").unlink()
    database(folder / "zzz.db3", PLAIN[0], TOPIC, f"CREATE VIEW messages AS {ENDLESS} SELECT i id FROM n")
    with BagDrive(folder) as drive:
        assert len(drive) == 2
        assert any("zzz.db3" in note and "left out" in note for note in drive.notes())

