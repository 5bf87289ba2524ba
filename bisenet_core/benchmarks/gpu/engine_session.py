"""EngineSession: a TensorRT engine with buffers of its own, as a program without our backend would use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.cuda.graph import CudaGraph, GraphError
from bisenet_core.runtime.engine.cache import EngineCache
from bisenet_core.runtime.engine.options import EngineOptions
from bisenet_core.runtime.engine.trt_log import shared_logger
from bisenet_core.runtime.engine_io import open_engine_io
from bisenet_core.runtime.model_card import ModelCard


class EngineSession:
    """One input and one output, pinned on the host and allocated on the GPU once. See ``open_session``."""

    def __init__(self, device: CudaDevice, trt: Any, plan: bytes, card: ModelCard) -> None:
        self.device = device
        self.stream = device.stream()
        self._runtime = trt.Runtime(shared_logger(trt))
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise InputError("TensorRT does not read the engine it has just built; see its log")
        self._io = open_engine_io(trt, engine, (1, 3, card.input_height, card.input_width))
        (source,), (target,) = self._io.inputs, self._io.outputs
        self.input = device.pinned(source.shape, source.dtype)
        self.output = device.pinned(target.shape, target.dtype)
        self._memory = [device.allocate(array.nbytes) for array in (self.input, self.output)]
        for tensor, memory in zip((source, target), self._memory):
            self._io.bind(tensor.name, int(memory))
        self.input[...] = np.random.default_rng(0).standard_normal(source.shape)
        device.driver.memcpy_htod(self._memory[0], self.input)
        self._graph: CudaGraph | None = None

    def capture(self) -> str:
        """Record the network as a CUDA graph after a first run; "" or why that cannot be done here."""
        self.run()
        try:
            self._graph = CudaGraph(self.stream, self._enqueue)
        except GraphError as error:
            return str(error)
        return ""

    def run(self) -> None:
        """The network alone, on what lies on the GPU; waits for it."""
        self._launch()
        self.stream.synchronize()

    def run_between_events(self) -> float:
        """The same in ms on the GPU's own clock."""
        start, end = self.device.event(), self.device.event()
        start.record(self.stream)
        self._launch()
        end.record(self.stream)
        end.synchronize()
        return end.time_since(start)

    def infer(self) -> np.ndarray:
        """``self.input`` to the GPU, the network, and back into ``self.output``, which is returned."""
        self.device.driver.memcpy_htod_async(self._memory[0], self.input, self.stream)
        self._launch()
        self.device.driver.memcpy_dtoh_async(self.output, self._memory[1], self.stream)
        self.stream.synchronize()
        return self.output

    def close(self) -> None:
        """Free all of it, in the order that TensorRT wants."""
        if self._graph is not None:
            self._graph.close()
        self._io.close()
        for memory in self._memory:
            memory.free()

    def _launch(self) -> None:
        if self._graph is not None:
            self._graph.launch(self.stream)
        else:
            self._enqueue()

    def _enqueue(self) -> None:
        self._io.enqueue(self.stream.handle)


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
        options = EngineOptions(precision, (card.input_width, card.input_height))
        built = EngineCache().get_or_build(card, options, device, trt)
        session = EngineSession(device, trt, built.plan, card)
        try:
            yield session
        finally:
            session.close()


