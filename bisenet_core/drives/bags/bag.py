"""Open a bag of ROS 2 (.db3, .mcap, a folder of them) or ROS 1 (.bag) and read its messages by number."""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bisenet_core.drives.bags.bag_files import find_bag_files, is_packed_file
from bisenet_core.drives.bags.compression import is_packed, unpack_file, unpack_message
from bisenet_core.drives.bags.mcap_storage import McapStorage
from bisenet_core.drives.bags.ros1_storage import Ros1Storage
from bisenet_core.drives.bags.sqlite_storage import SqliteStorage
from bisenet_core.drives.bags.storage import ENTRY, Channel, Storage
from bisenet_core.errors import InputError, explain_os_errors, parsing, reason_of

_KINDS: dict[str, Callable[[Path], Storage]] = {
    ".db3": SqliteStorage,
    ".mcap": McapStorage,
    ".bag": Ros1Storage,
}

_LONGEST_NAME = 1000  # of a topic or a type


class Message(NamedTuple):
    """One message as it was recorded."""

    msgtype: str
    data: bytes | memoryview
    """Serialised."""
    ros1: bool
    """As ROS 1 serialises; else CDR."""


class Messages:
    """The messages of a topic, in the order of their recording: by time, then as they lie in the files."""

    def __init__(self, storages: list[Storage], entries: list[np.ndarray]) -> None:
        self._storages = storages
        files = np.repeat(np.arange(len(entries)), [len(part) for part in entries])
        table = np.concatenate(entries)
        order = np.lexsort((table["offset"], table["place"], files, table["time"]))
        self._table, self._files = table[order], files[order]

    @property
    def times_ns(self) -> np.ndarray:
        """int64: when each was recorded, nanoseconds; never decreasing."""
        return self._table["time"]

    def __len__(self) -> int:
        return len(self._table)

    def read(self, index: int) -> Message:
        """One message. Raises InputError, without the name of the bag, where it is damaged."""
        storage, entry = self._find(index)
        with parsing("it cannot be read from the bag"):
            data = unpack_message(storage.read(int(entry["place"]), int(entry["offset"])))
        return Message(storage.channels[int(entry["channel"])].msgtype, data, storage.ros1)

    def head(self, index: int, size: int) -> Message:
        """At least the first ``size`` bytes of a message, cheaply where the file allows."""
        storage, entry = self._find(index)
        data = storage.head(int(entry["place"]), int(entry["offset"]), size)
        if is_packed(data):
            return self.read(index)
        return Message(storage.channels[int(entry["channel"])].msgtype, data, storage.ros1)

    def _find(self, index: int) -> tuple[Storage, np.void]:
        return self._storages[self._files[index]], self._table[index]


class Bag:
    """An open bag. Opening reads its index, whatever its length; nothing is ever written beside it.

    Files that cannot be read are left out, and said in ``notes``. Raises InputError where none can.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened = ExitStack()
        self._storages: dict[str, Storage] = {}
        with explain_os_errors(f"cannot read {path}"):
            files = find_bag_files(path)
        self._notes, self._gaps, self._declared = list(files.notes), list(files.gaps), files.declared
        self._uncounted: list[str] = []
        refusals = list(filter(None, map(self._add, files.paths)))
        if not self._storages:
            raise InputError(f"{path} cannot be read as a bag: {refusals[0]}")
        self._gaps += [f"left out, since it cannot be read: {reason}" for reason in refusals]
        if not self.topics and self.notes:
            raise InputError(f"{path} cannot be read as a bag: nothing is left of it; {self.notes[-1]}")

    @property
    def notes(self) -> list[str]:
        """Oddities of the bag: one line each."""
        found = [f"{name} {note}" for name, s in self._storages.items() for note in s.notes]
        return list(dict.fromkeys([*self._notes, *found, *self.lost]))

    @property
    def gaps(self) -> list[str]:
        """Of the notes those by which messages may be missing before the last one that is there."""
        *early, (name, last) = self._storages.items()
        cut = [f"{file} {note}" for file, storage in early for note in (*storage.notes, *storage.gaps)]
        return [*self._gaps, *cut, *(f"{name} {note}" for note in last.gaps)]

    @property
    def lost(self) -> list[str]:
        """Of the notes those by which messages that were asked for are missing anywhere."""
        return list(dict.fromkeys([*self.gaps, *self._uncounted]))

    @property
    def topics(self) -> set[Channel]:
        """Every topic with its type."""
        return {channel for storage in self._storages.values() for channel in storage.channels.values()}

    def messages(self, topic: str, msgtypes: Collection[str]) -> Messages:
        """The messages of a topic that have one of these types; those of a file that cannot list them are
        left out, and said in ``notes``."""
        entries = [self._listed(file, topic, msgtypes) for file in self._storages]
        messages = Messages(list(self._storages.values()), entries)
        wanted = {(topic, msgtype) for msgtype in msgtypes}
        declared = sum(count for key, count in self._declared.items() if key in wanted)
        if self._declared and declared != len(messages):
            lines = self._uncounted if declared > len(messages) else self._notes
            lines.append(f"{topic}: metadata.yaml counts {declared} messages, {len(messages)} can be read")
        return messages

    def close(self) -> None:
        self._opened.close()

    def _listed(self, file: str, topic: str, msgtypes: Collection[str]) -> np.ndarray:
        storage = self._storages[file]
        ids = [i for i, c in storage.channels.items() if c.topic == topic and c.msgtype in msgtypes]
        try:
            return storage.index(ids) if ids else np.empty(0, ENTRY)
        except Exception as error:  # as in _add
            self._gaps.append(f"{file} is left out, since it cannot be read: {reason_of(error)}")
            return np.empty(0, ENTRY)

    def _add(self, file: Path) -> str:
        """Open a storage file; returns why that fails, or an empty text."""
        try:
            storage = self._open(file)
            self._opened.callback(storage.close)
            longest = max((len(name) for channel in storage.channels.values() for name in channel), default=0)
            if longest > _LONGEST_NAME:
                raise ValueError(f"a topic's or a type's name has {longest} characters; ROS has 255 at most")
        except ImportError:
            raise InputError(f"{self.path} needs rosbags to be read: pip install rosbags") from None
        except Exception as error:  # a damaged bag surfaces as any of sqlite's, struct's or zstd's errors
            return f"{file.name}: {reason_of(error)}"
        self._storages[file.name] = storage
        return ""

    def _open(self, file: Path) -> Storage:
        stored = file
        if is_packed_file(file):
            stored = self._opened.enter_context(unpack_file(file))
            self._notes.append(f"{file.name} is compressed as a whole: unpacked to {stored.parent}")
        kind = _KINDS.get(stored.suffix.lower())
        if kind is None:
            raise InputError(f"expected a file that ends in {', '.join(_KINDS)}")
        if not stored.stat().st_size:
            raise InputError("it is empty")
        return kind(stored)
