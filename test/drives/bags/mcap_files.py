"""Small .mcap files of the kinds that rosbags does not write: without chunks, indexes or a summary."""

import struct
import zlib

import lz4.frame

MAGIC = b"\x89MCAP0\r\n"
_COMPRESS = {"": bytes, "lz4": lz4.frame.compress}


def write_mcap(path, messages, chunk=3, indexed=True, summary=True, compression="", damaged_crc=False):
    """``messages``: topic, type, time, CDR. ``chunk``: messages in each; 0 for none at all."""
    topics = list(dict.fromkeys((topic, kind) for topic, kind, _, _ in messages))
    about = b"".join(_topic(number, *names) for number, names in enumerate(topics, 1))
    out = bytearray(MAGIC + _record(1, _text("ros2") + _text("test")))
    rows = [(1 + topics.index((topic, kind)), time, data) for topic, kind, time, data in messages]
    chunk_indexes = b""
    if not chunk:
        out += about + b"".join(_message(*row) for row in rows)
    for first in range(0, len(rows) if chunk else 0, chunk or 1):
        start, part = len(out), rows[first : first + chunk]
        head = b"" if first else about
        out += _chunk(head, part, compression, damaged_crc)
        length, places = len(out) - start, {}
        for channel in sorted({row[0] for row in part}) if indexed else ():
            places[channel] = len(out)
            out += _index(channel, head, part)
        chunk_indexes += _chunk_index(part, start, length, places, len(out) - start - length)
    out += _record(15, bytes(4))
    summary_start = len(out) if summary else 0
    out += (about + chunk_indexes) if summary else b""
    out += _record(2, struct.pack("<QQI", summary_start, 0, 0)) + MAGIC
    path.write_bytes(out)
    return path


def _record(opcode, content):
    return struct.pack("<BQ", opcode, len(content)) + content


def _text(text):
    return struct.pack("<I", len(text)) + text.encode()


def _topic(number, topic, kind):
    schema = struct.pack("<H", number) + _text(kind) + _text("ros2msg") + _text("")
    channel = struct.pack("<HH", number, number) + _text(topic) + _text("cdr") + struct.pack("<I", 0)
    return _record(3, schema) + _record(4, channel)


def _message(channel, time, data):
    return _record(5, struct.pack("<HIQQ", channel, 0, time, time) + data)


def _chunk(head, rows, compression, damaged_crc):
    records = head + b"".join(_message(*row) for row in rows)
    crc = zlib.crc32(records) ^ damaged_crc
    times = [row[1] for row in rows]
    packed = _COMPRESS[compression](records)
    head = struct.pack("<QQQI", min(times), max(times), len(records), crc) + _text(compression)
    return _record(6, head + struct.pack("<Q", len(packed)) + packed)


def _index(channel, head, rows):
    at, entries = len(head), b""
    for row in rows:
        entries += struct.pack("<QQ", row[1], at) if row[0] == channel else b""
        at += len(_message(*row))
    return _record(7, struct.pack("<HI", channel, len(entries)) + entries)


def _chunk_index(rows, start, length, places, index_length):
    times = [row[1] for row in rows]
    offsets = b"".join(struct.pack("<HQ", channel, place) for channel, place in places.items())
    content = struct.pack("<QQQQI", min(times), max(times), start, length, len(offsets)) + offsets
    return _record(8, content + struct.pack("<Q", index_length) + _text("") + struct.pack("<QQ", 0, 0))
