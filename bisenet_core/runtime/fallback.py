"""FallbackBackend: run on a GPU, and on the CPU from the GPU's first failure on."""

import logging
import threading
from typing import Callable, Optional, TypeVar

import numpy as np

from bisenet_core.errors import DeviceError
from bisenet_core.runtime.backend import Drawing, InferenceBackend, Segmentation

_LOGGER = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


class FallbackBackend(InferenceBackend):
    """Passes everything on to ``primary`` and, from its first DeviceError on, to what ``open_cpu`` opens.

    The image that the device failed on is labelled by the CPU. There is no way back: the GPU is freed, and
    used again when the model is opened again. Its attributes describe the one that is at work.
    """

    def __init__(self, primary: InferenceBackend, open_cpu: Callable[[], InferenceBackend]) -> None:
        self._primary = primary
        self._open_cpu = open_cpu
        self._cpu = None  # type: Optional[InferenceBackend]
        self._lock = threading.Lock()
        self._closed = False
        self.reason = primary.reason
        self._describe(primary)

    def _describe(self, active: InferenceBackend) -> None:
        self.name, self.version, self.device = active.name, active.version, active.device
        self.precision, self.input_size = active.precision, active.input_size
        self.on_gpu, self.packed_yuv = active.on_gpu, active.packed_yuv

    def infer(self, image: np.ndarray, color_order: str, with_confidence: bool = False,
              drawing: Optional[Drawing] = None) -> Segmentation:
        return self._run(lambda backend: backend.infer(image, color_order, with_confidence, drawing))

    def logits(self, image: np.ndarray, color_order: str) -> np.ndarray:
        return self._run(lambda backend: backend.logits(image, color_order))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._active.close()

    @property
    def _active(self) -> InferenceBackend:
        return self._cpu or self._primary

    def _run(self, call: Callable[[InferenceBackend], _Answer]) -> _Answer:
        with self._lock:
            if not self.failure or self._closed:
                try:
                    return call(self._active)
                except DeviceError as error:
                    failure = str(error)
                # behind the error, whose traceback holds memory that is to be freed
                self._abandon_primary(failure)
            # Tried again for every image where it does not open: memory may be short for a while only.
            if self._cpu is None:
                self._cpu = self._open_cpu()
                self._describe(self._cpu)
            return call(self._cpu)

    def _abandon_primary(self, error: str) -> None:
        failed = self._primary
        _LOGGER.error("%s on %s failed, and the CPU takes over: %s", failed.name, failed.device, error)
        self.failure = f"GPU failed: {error}; running on the CPU"
        self.reason = f"fallback: {failed.name} on {failed.device} failed: {error}"
        try:
            failed.close()  # first, since a Jetson's CPU and GPU share one memory
        except Exception as second:  # of a device that is lost; nothing more can be done for it
            _LOGGER.warning("the failed GPU could not be freed: %s", second)
