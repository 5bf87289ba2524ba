"""EngineCache: keep built engines in a folder, and check each before it is used."""

import fcntl
import hashlib
import json
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Iterator, NamedTuple, Optional, Tuple, Union

from bisenet_core.errors import InputError
from bisenet_core.files import user_cache
from bisenet_core.runtime.engine.builder import EngineBuilder
from bisenet_core.runtime.engine.callbacks import Progress
from bisenet_core.runtime.engine.options import CacheKey, EngineOptions
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.private_files import PART, make_private_folder, read_private, write_private

_LOGGER = logging.getLogger(__name__)

#: Says why an engine cannot be used, such as what TensorRT said when it read it; None when it can.
Usable = Callable[[bytes], Optional[str]]


class CachedEngine(NamedTuple):
    """An engine and where it lies."""

    plan: bytes     # serialised engine
    path: Path
    seconds: float  # that building it took now; 0 when it was there


class EngineCache:
    """A folder of engines, by default ~/.cache/bisenet/engines, mode 0700.

    Beside each engine lies a JSON file: what it was built of and for, its size and SHA-256.
    """

    def __init__(self, folder: Optional[Union[str, Path]] = None, is_optional: bool = False) -> None:
        """``folder``: None or "" for the default. Nothing is touched before an engine is asked for.

        Raises InputError for a home folder that nobody knows. ``is_optional``: a folder that is unknown, or
        cannot be written, is warned of once, and an engine that cannot be kept is used all the same.
        """
        self._is_optional, self._has_warned = is_optional, False
        try:
            self.folder = Path(folder).expanduser() if folder else user_cache("engines")
        except (RuntimeError, KeyError) as error:  # KeyError: Python 3.6, of an unknown ~user
            self.folder = Path("/dev/null")  # where nothing can be kept
            self._refuse(f"no folder for the engine cache: {error}; set HOME, or name one (engine_cache)",
                         error)

    def get_or_build(self, card: ModelCard, options: EngineOptions, device: Any, trt: Any,
                     progress: Optional[Progress] = None, usable: Optional[Usable] = None,
                     force: bool = False) -> CachedEngine:
        """The engine for this network, GPU and TensorRT; built if it is not there, or not as it was written.

        ``device`` has ``name`` and ``compute_capability``; its context must be current in this thread.
        ``usable`` looks at an engine from the cache before it is taken; ``force`` builds in any case.
        Whoever comes second waits for the first one's engine. Raises what ``EngineBuilder.build`` does, and
        InputError for a folder that cannot be written, or that others can write into.
        """
        self.make_folder()
        key = CacheKey(card, options.check(), device, trt)
        path = self.folder / (key.file_name + ".engine")
        if not force:
            plan, _ = self._read(path, key, usable)  # needs no lock, nor a disk that can be written
            if plan is not None:
                return CachedEngine(plan, path, 0.0)
        with self._locked(path) as is_alone:
            plan, reason = (None, None) if force else self._read(path, key, usable)
            if plan is not None:
                return CachedEngine(plan, path, 0.0)
            if reason:
                _LOGGER.warning("the engine %s is built again: %s", path, reason)
            if is_alone:
                self._clear(path)
            started = perf_counter()
            plan = EngineBuilder(trt, self.folder / key.timing_name).build(card, options, progress)
            return self._write(path, key, plan, perf_counter() - started)

    def make_folder(self) -> Path:
        """The folder, made where it is not there. Raises as ``get_or_build`` does."""
        try:
            make_private_folder(self.folder)
        except OSError as error:
            self._refuse(f"engine cache {self.folder} cannot be made: {error.strerror or error}; name "
                         "another folder (engine_cache)", error)
        return self.folder

    def _refuse(self, text: str, error: Exception) -> None:
        if not self._is_optional:
            raise InputError(text) from error
        if not self._has_warned:
            _LOGGER.warning("an engine that is built now may be built again at the next start: %s", text)
        self._has_warned = True

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._refuse(f"{path} cannot be written: {error.strerror or error}; make room, or name another "
                         "folder (engine_cache)", error)

    def _clear(self, path: Path) -> None:
        with self._writing(path):
            for left in self.folder.glob(path.name + "*" + PART):  # of a process that was killed
                left.unlink()

    @contextmanager
    def _locked(self, path: Path) -> Iterator[bool]:
        """Hold the lock of one engine; the kernel frees it when the process dies.

        Gives whether it is held: some network file systems have no locks, and there each process builds.
        """
        flags, descriptor = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, None
        with self._writing(path):
            descriptor = os.open(str(path) + ".lock", flags, 0o600)
        try:
            yield descriptor is not None and _lock(descriptor, path)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    @staticmethod
    def _read(path: Path, key: CacheKey, usable: Optional[Usable]) -> Tuple[Optional[bytes], Optional[str]]:
        """The engine, or why the one that is there must not be used."""
        if not os.path.lexists(str(path)):
            return None, None
        try:
            plan = read_private(path)
            reason = _mismatch(plan, json.loads(read_private(_note_of(path)).decode("utf-8")), key)
        except (OSError, ValueError) as error:  # ValueError: not JSON, not UTF-8
            plan, reason = b"", str(error)
        reason = reason or (usable(plan) if usable else None)
        return (None, reason) if reason else (plan, None)

    def _write(self, path: Path, key: CacheKey, plan: bytes, seconds: float) -> CachedEngine:
        note = dict(key.content, key=key.sha256, bytes=len(plan), sha256=hashlib.sha256(plan).hexdigest(),
                    seconds=round(seconds, 1))
        with self._writing(path):
            write_private(path, plan)
            write_private(_note_of(path), (json.dumps(note, indent=2, sort_keys=True) + "\n").encode("utf-8"))
        return CachedEngine(plan, path, seconds)


def _lock(descriptor: int, path: Path) -> bool:
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _LOGGER.warning("waiting for another process that builds %s", path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:  # ENOLCK, ENOTSUP
        _LOGGER.warning("%s is made without a lock: %s", path, error.strerror)
        return False
    return True


def _note_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _mismatch(plan: bytes, note: Any, key: CacheKey) -> Optional[str]:
    if not isinstance(note, dict) or note.get("key") != key.sha256:
        return "the JSON beside it is of another engine"
    found = hashlib.sha256(plan).hexdigest()
    if note.get("sha256") != found:
        return (f"expected {note.get('bytes')} bytes with SHA-256 {note.get('sha256')}, "
                f"found {len(plan)} bytes with {found}")
    return None
