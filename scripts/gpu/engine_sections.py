"""Sections build and network: the engine without our backend."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bisenet_core.benchmarks.timing import bare_network
from bisenet_core.errors import InputError
from bisenet_core.reports.measurement import percentiles
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.engine.cache import CachedEngine, EngineCache
from bisenet_core.runtime.engine.engine_network import EngineNetwork
from bisenet_core.runtime.engine.options import EngineOptions
from bisenet_core.runtime.model_card import ModelCard
from gpu.frames import percentiles_of
from gpu.kit import Subject
from gpu.section import Settings, Step
from gpu.segmenter_sections import open_segmenter


def measure_build(step: Step, settings: Settings) -> dict[str, Any]:
    """``seconds`` and ``bytes`` of an engine made anew, which stays for the sections that follow."""
    if settings.is_stand_in:
        raise InputError(f"{settings.backend} stands in for TensorRT, and builds no engines")
    with open_device() as device:
        built = _engine(Subject(settings.kit / step.subject).card, step.precision, device, force=True)
    return {"seconds": round(built.seconds, 2), "bytes": len(built.plan), "engine": built.path.name}


def measure_network(step: Step, settings: Settings) -> dict[str, Any]:
    """``wall_ms``: launch to end, nothing copied; ``gpu_ms``: the same on the GPU's own clock."""
    if settings.is_stand_in:
        with open_segmenter(step, settings) as segmenter:
            network = bare_network(segmenter.card, segmenter.backend)
            return {"wall_ms": percentiles_of(network, settings.frames, settings.warm_up)}
    with open_session(Subject(settings.kit / step.subject).card, step.precision) as session:
        without = percentiles_of(session.run, settings.frames, settings.warm_up)
        refused = session.capture()
        wall = without if refused else percentiles_of(session.run, settings.frames, settings.warm_up)
        on_gpu = percentiles([session.run_between_events() for _ in range(settings.frames)])
    graph = refused or "used"
    return {"wall_ms": wall, "gpu_ms": on_gpu, "wall_without_graph_ms": without, "cuda_graph": graph}


class EngineSession:
    """An engine alone, as a program without our backend would use it, with noise as its input."""

    def __init__(self, device: CudaDevice, trt: Any, plan: bytes, card: ModelCard) -> None:
        self._device, self._stream = device, device.stream()
        self._network = EngineNetwork(
            device, trt, plan, (card.input_width, card.input_height), card.label_space.num_classes
        )
        self._fill()

    def capture(self) -> str:
        """Record the network as a CUDA graph; "" or why that cannot be done here."""
        refused = self._network.warm_up(self._stream)
        self._fill()  # that has cleared it
        return refused

    def _fill(self) -> None:
        tensor = self._network.input
        noise = np.random.default_rng(0).standard_normal(tensor.shape).astype(tensor.dtype)
        self._device.driver.memcpy_htod(self._network.input_pointer, noise)
        self._device.driver.Context.synchronize()

    def run(self) -> None:
        """The network alone, on what lies on the GPU; waits for it."""
        self._network.enqueue(self._stream)
        self._stream.synchronize()

    def run_between_events(self) -> float:
        """The same in ms on the GPU's own clock."""
        start, end = self._device.event(), self._device.event()
        start.record(self._stream)
        self._network.enqueue(self._stream)
        end.record(self._stream)
        end.synchronize()
        return end.time_since(start)

    def close(self) -> None:
        """Free the engine and its memory on the GPU."""
        self._network.close()


@contextmanager
def open_device() -> Iterator[CudaDevice]:
    """The GPU, its context current in this thread. Raises BackendUnavailable."""
    device = CudaDevice.open()
    try:
        with device.current():
            yield device
    finally:
        device.close()


@contextmanager
def open_session(card: ModelCard, precision: str) -> Iterator[EngineSession]:
    """The engine of ``card`` at its own input size, from the cache or built now."""
    import tensorrt as trt

    with open_device() as device:
        session = EngineSession(device, trt, _engine(card, precision, device).plan, card)
        try:
            yield session
        finally:
            session.close()


def _engine(card: ModelCard, precision: str, device: CudaDevice, force: bool = False) -> CachedEngine:
    import tensorrt as trt

    options = EngineOptions(precision, (card.input_width, card.input_height))
    return EngineCache().get_or_build(card, options, device, trt, force=force)
