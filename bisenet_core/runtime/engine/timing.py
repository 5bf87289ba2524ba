"""TimingCache: how fast TensorRT found each kernel, kept from one build to the next."""

import logging
from pathlib import Path
from typing import Any, Optional

from bisenet_core.runtime.engine.private_files import read_private, write_private

_LOGGER = logging.getLogger(__name__)


class TimingCache:
    """A file beside the engines, of one TensorRT and one GPU; without a path it does nothing."""

    def __init__(self, path: Optional[Path]) -> None:
        self._path = path

    def attach(self, config: Any) -> None:
        """Have the build use what was measured before, and remember what it measures."""
        if self._path is None:
            return
        timings = config.create_timing_cache(self._read())
        if timings is None or not config.set_timing_cache(timings, False):  # damaged, or of another TensorRT
            config.set_timing_cache(config.create_timing_cache(b""), False)

    def keep(self, config: Any) -> None:
        """Write what the finished build has measured. A disk that is full costs time, not the engine."""
        timings = config.get_timing_cache()
        if self._path is None or timings is None:
            return
        try:
            write_private(self._path, bytes(timings.serialize()))
        except OSError as error:
            _LOGGER.info("the timing cache %s was not written: %s", self._path, error)

    def _read(self) -> bytes:
        try:
            return b"" if self._path is None else read_private(self._path)
        except OSError:
            return b""
