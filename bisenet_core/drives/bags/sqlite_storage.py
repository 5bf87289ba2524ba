"""Read a .db3 file; one that was cut off is read up to the cut, one of a killed recorder with its log."""

import shutil
import sqlite3
import struct
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import numpy as np

from bisenet_core.drives.bags.compression import MOST_UNPACKED, refuse_without_room
from bisenet_core.drives.bags.storage import ENTRY, Channel, Storage

#: Endings of the files beside a .db3 in which SQLite keeps what a killed recorder had not yet finished.
LOG_SUFFIXES = ("-wal", "-journal")

#: The tables that a bag has, and those of their columns that are read.
_COLUMNS = {
    "messages": ("id", "topic_id", "timestamp", "data"),
    "topics": ("id", "name", "type", "serialization_format"),
}
_MOST_TOPICS = 1 << 14
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
# SQLite's own steps between two looks at what a request has taken, and looks that any file may take; a row
# takes about ten steps and as many bytes.
_STEPS, _FOR_ANY = 100_000, 100


class SqliteStorage(Storage):
    """A .db3 file, whose messages are found by their row."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._opened = ExitStack()
        logs = logs_of(path)
        # Immutable: nothing is ever written beside the bag, not even a lock. Python's SQLite is serialised.
        uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        if logs:
            uri = f"file:{quote(str(self._copied(path, logs)))}"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._opened.callback(self._database.close)
        self._bound(path.stat().st_size)
        try:
            self._note_what_is_missing(path)
            self._refuse_other_tables()
            self._list_topics()
        except BaseException:
            self.close()
            raise

    def index(self, channels: Collection[int]) -> np.ndarray:
        self._steps = 0
        return np.fromiter(self._rows(list(channels)), ENTRY)

    def read(self, place: int, offset: int) -> bytes:
        self._steps = 0
        row = self._database.execute("SELECT data FROM messages WHERE rowid = ?", (place,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise ValueError(f"its row {place} is gone or holds no bytes")
        return row[0]

    def head(self, place: int, offset: int, size: int) -> bytes:
        if sys.version_info < (3, 11):
            return self.read(place, offset)[:size]
        with self._database.blobopen("messages", "data", place, readonly=True) as blob:
            return blob.read(size)

    def close(self) -> None:
        self._opened.close()

    def _bound(self, size: int) -> None:
        """Bound what the database may take: a file of a few kB can be rows, or a value, without end."""
        self._steps, most = 0, _FOR_ANY + size // _STEPS

        def is_too_much() -> bool:
            self._steps += 1
            return self._steps > most

        self._database.set_progress_handler(is_too_much, _STEPS)
        self._database.execute("PRAGMA trusted_schema = OFF")
        self._database.execute("PRAGMA cell_size_check = ON")
        if sys.version_info >= (3, 11):
            self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_UNPACKED)

    def _refuse_other_tables(self) -> None:
        """Raise ValueError unless messages and topics are plain tables: views and others compute."""
        for table, columns in _COLUMNS.items():
            query = "SELECT type, rootpage FROM sqlite_master WHERE name = ? COLLATE NOCASE"
            found = self._database.execute(query, (table,))
            if [(kind, bool(root)) for kind, root in found.fetchmany(2)] != [("table", True)]:
                raise ValueError(f"it has no plain table of {table}")
            rows = self._database.execute(f"PRAGMA table_xinfo({table})").fetchmany(_MOST_TOPICS)
            names = {name: hidden for _, name, _, _, _, _, hidden in rows}
            if any(names.get(column) != 0 for column in columns) or "rowid" in map(str.lower, names):
                raise ValueError(f"its table of {table} has no plain columns {', '.join(columns)}")

    def _list_topics(self) -> None:
        query = self._database.execute(f"SELECT {', '.join(_COLUMNS['topics'])} FROM topics")
        rows = query.fetchmany(_MOST_TOPICS)
        if query.fetchone():
            raise ValueError(f"it has more than {_MOST_TOPICS} topics")
        for row in rows:
            if [*map(type, row)] != [int, str, str, str]:
                raise ValueError(f"its table of topics holds {', '.join(type(one).__name__ for one in row)}")
            channel, topic, msgtype, encoding = row
            kind = msgtype if encoding == "cdr" else f"{msgtype} as {encoding}"
            self.channels[channel] = Channel(topic, kind)

    def _copied(self, path: Path, logs: list[Path]) -> Path:
        """A copy of the file and its logs that lives as long as this: SQLite recovers by writing."""
        if any(_names_another_file(log) for log in logs):
            raise ValueError("its journal names another file, which recovery would delete; remove it")
        folder = Path(self._opened.enter_context(TemporaryDirectory()))
        names = ", ".join(log.name for log in logs)
        try:
            refuse_without_room(folder, sum(file.stat().st_size for file in (path, *logs)))
            for file in (path, *logs):
                shutil.copyfile(file, folder / file.name)
        except OSError as error:
            self._opened.close()
            raise ValueError(
                f"its recorder was killed and left {names}, and it cannot be copied to be recovered: "
                f"{error.strerror}; make room in {folder.parent}, or recover it in its place: "
                f"sqlite3 {path} 'PRAGMA wal_checkpoint(TRUNCATE)'"
            ) from None
        self.notes.append(f"was not closed by its recorder: read with {names} from a copy in {folder.parent}")
        return folder / path.name

    def _note_what_is_missing(self, path: Path) -> None:
        with path.open("rb") as file:
            header = file.read(100)
        declared, size = _declared_size(header), path.stat().st_size
        self._cut_off = declared > size
        if self._cut_off:
            # SQLite refuses a file that is shorter than it says, unless it is being repaired.
            self._database.execute("PRAGMA writable_schema = ON")
            self.notes.append(f"was cut off: {size} of {declared} bytes are there")

    def _rows(self, channels: list[int]) -> Iterator[tuple[int, int, int, int]]:
        # Not by the index of times: in a file that was cut off the messages are there longer than it is.
        marks = ",".join("?" * len(channels))
        query = f"SELECT timestamp, topic_id, rowid, 0 FROM messages NOT INDEXED WHERE topic_id IN ({marks})"
        try:
            yield from self._database.execute(query, channels)
        except sqlite3.DatabaseError as error:
            if "interrupted" in str(error):
                raise ValueError("it lists more rows than its bytes can hold") from None
            if not self._cut_off:  # then this is where it ends
                self.notes.append(f"is damaged and not read to its end: {error}")


def logs_of(path: Path) -> list[Path]:
    """The logs beside a .db3 file that have something in them."""
    logs = [path.with_name(path.name + suffix) for suffix in LOG_SUFFIXES]
    return [log for log in logs if log.is_file() and log.stat().st_size]


def _names_another_file(log: Path) -> bool:
    """Whether a log ends with the name of a journal above it, as of several databases written as one."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - len(_JOURNAL_MAGIC)))
        return file.read() == _JOURNAL_MAGIC


def _declared_size(header: bytes) -> int:
    """Size in bytes that the first 100 bytes of a database declare; 0 where they declare none."""
    if len(header) < 100:
        return 0
    page, changes, pages, valid_for = (
        *struct.unpack_from(">H", header, 16), *struct.unpack_from(">2I", header, 24),
        *struct.unpack_from(">I", header, 92)
    )
    return (65536 if page == 1 else page) * pages if changes == valid_for else 0
