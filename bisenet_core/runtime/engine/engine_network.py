"""EngineNetwork: a TensorRT engine with the device memory it works on, launched as one CUDA graph."""

import logging
from typing import Any, List, Optional, Tuple

import numpy as np

from bisenet_core.errors import DeviceError, InputError
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.cuda.libcuda import CudaGraph, GraphError
from bisenet_core.runtime.engine.callbacks import no_gpu_error, shared_logger
from bisenet_core.runtime.engine.engine_io import Tensor, check_network_io, open_engine_io

_LOGGER = logging.getLogger(__name__)

# The first run may load the network's kernels one by one.
_FIRST_RUN_S = 60.0


class EngineNetwork:
    """Normalised image at ``input_pointer`` -> logits at ``output_pointer``. Needs a current context.

    ``input`` and ``output`` are their Tensors: 1x3xhxw and 1xCx(h/8)x(w/8), float32 or float16.
    """

    def __init__(self, device: CudaDevice, trt: Any, plan: bytes, input_size: Tuple[int, int],
                 classes: int) -> None:
        """``classes``: how many the logits must have.

        Raises InputError for a plan that is not of this TensorRT, this GPU or this network,
        BackendUnavailable where TensorRT does not work, DeviceError or the driver's Error without memory.
        """
        self._device = device
        log = shared_logger(trt)
        log.take_errors()
        try:
            self._runtime = trt.Runtime(log)
        except TypeError as error:
            raise no_gpu_error(trt, log, error) from error
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            reason = log.take_errors() or "it gave no reason"
            if "GPU memory" in reason:  # a good engine; another one would need as much
                raise DeviceError(f"TensorRT {trt.__version__}: {reason}")
            raise InputError(f"TensorRT {trt.__version__} does not take it: {reason}")
        self._io = open_engine_io(trt, engine, (1, 3, input_size[1], input_size[0]))
        del engine  # or an error's traceback keeps it
        self._graph: Optional[CudaGraph] = None
        self._memory: List[Any] = []
        try:
            self.input, self.output = check_network_io(self._io, classes, input_size)
            self.input_pointer, self.output_pointer = map(self._bind, (self.input, self.output))
        except BaseException:
            self.close()  # while there is a context; the next backend needs the memory
            raise

    def _bind(self, tensor: Tensor) -> int:
        self._memory.append(self._device.allocate(tensor.nbytes))
        pointer = int(self._memory[-1])
        self._io.bind(tensor.name, pointer)
        return pointer

    def warm_up(self, stream: Any) -> str:
        """Run twice, and from then on as a CUDA graph. Returns "", or why the driver or engine refuses.

        Raises DeviceError for a GPU that does not finish.
        """
        self._device.driver.memset_d8_async(self.input_pointer, 0, self.input.nbytes, stream)
        self.enqueue(stream)  # whatever TensorRT prepares lazily must not fall into the capture
        self._device.wait(stream.is_done, _FIRST_RUN_S)
        reason = ""
        try:
            self._graph = CudaGraph(stream, lambda: self._io.enqueue(stream.handle))
            self.enqueue(stream)
        except GraphError as error:
            reason = str(error)
            _LOGGER.info("the network runs without a CUDA graph, kernel by kernel: %s", reason)
            self._drop_graph()
        self._device.wait(stream.is_done, _FIRST_RUN_S)
        return reason

    def enqueue(self, stream: Any) -> None:
        """Put one run on the stream. Raises DeviceError or GraphError."""
        if self._graph is None:
            self._io.enqueue(stream.handle)
        else:
            self._graph.launch(stream)

    def logits(self) -> np.ndarray:
        """A copy of the output, float32, when its stream has been waited for."""
        logits = np.empty(self.output.shape, self.output.dtype)
        self._device.driver.memcpy_dtoh(logits, self.output_pointer)
        return logits.astype(np.float32)

    def close(self) -> None:
        """Free the engine and its memory. Harmless when repeated."""
        self._drop_graph()
        self._io.close()
        self._runtime = None
        memory, self._memory = self._memory, []
        for piece in memory:
            piece.free()

    def _drop_graph(self) -> None:
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.close()
