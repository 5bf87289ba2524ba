"""BagWriter writes messages into a new ROS 2 bag."""

import shutil
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from bisenet_core.drives import bag_messages as messages
from bisenet_core.errors import InputError, explain_os_errors


class BagWriter:
    """A bag folder of one .mcap with chunks compressed by zstd, as viewers and `ros2 bag` read them.

    To be used with ``with``; of one that fails nothing is left. Raises InputError where ``path`` exists,
    cannot be written, or rosbags is not installed.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() or path.is_symlink():
            raise InputError(f"{path} exists already; a bag never replaces anything: name a new folder")
        self.path = path
        self._connections: dict[str, Any] = {}
        messages.typestore()  # first of all: it says in one line that rosbags is missing
        with self._explaining():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = _open(path)

    def put(self, topic: str, time_ns: int, message: Any, latched: bool = False) -> None:
        """Add a message, recorded at ``time_ns``. ``latched``: who subscribes late gets it, too, as it is
        played. Raises InputError."""
        store, msgtype = messages.typestore(), message.__msgtype__
        with self._explaining():
            if topic not in self._connections:
                qos = {"offered_qos_profiles": [_latched_qos()] if latched else []}
                self._connections[topic] = self._writer.add_connection(topic, msgtype, typestore=store, **qos)
            data = store.serialize_cdr(message, msgtype)
            self._writer.write(self._connections[topic], time_ns, data)

    def __enter__(self) -> "BagWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *about: Any) -> None:
        whole = False
        try:
            if kind is None:
                with self._explaining():
                    self._writer.close()
                whole = True
        finally:
            if not whole:
                with suppress(Exception):
                    self._writer.close()
                shutil.rmtree(self.path, ignore_errors=True)

    def _explaining(self) -> AbstractContextManager[None]:
        return explain_os_errors(f"cannot write {self.path}", "choose another folder or make room")


def _open(folder: Path) -> Any:
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    writer = Writer(folder, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    writer.open()
    return writer


def _latched_qos() -> Any:
    from rosbags import interfaces as ros

    never = ros.QosTime(0, 0)
    reliable, kept = ros.QosReliability.RELIABLE, ros.QosDurability.TRANSIENT_LOCAL
    alive = ros.QosLiveliness.SYSTEM_DEFAULT
    return ros.Qos(ros.QosHistory.KEEP_LAST, 1, reliable, kept, never, never, alive, never, False)
