"""EngineIO: inputs and outputs of a TensorRT engine, through the bindings API (8.2) or the tensor API (8.5).

Which of the two is chosen by what the engine offers. Shapes are fixed when it is opened: a dynamic input gets
the shape asked for. A current CUDA context is needed throughout.
"""

from abc import ABC, abstractmethod
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bisenet_core.errors import DeviceError, InputError

#: TensorRT's name of a type -> numpy's; a version lacks some
_TYPES: Dict[str, Any] = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "INT32": np.int32,
                          "BOOL": np.bool_, "UINT8": np.uint8, "INT64": np.int64}


class Tensor(NamedTuple):
    """An input or output of an engine."""

    name: str
    shape: Tuple[int, ...]
    dtype: Any       # numpy's

    @property
    def nbytes(self) -> int:
        """Bytes of memory it needs."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        return "{} {} {}".format(self.name, "x".join(map(str, self.shape)), np.dtype(self.dtype).name)


class EngineIO(ABC):
    """An execution context and the memory it works on; inputs and outputs are in the engine's order."""

    def __init__(self, trt: Any, engine: Any) -> None:
        self._trt = trt
        self._engine = engine
        self._context = engine.create_execution_context()
        if self._context is None:
            raise DeviceError("TensorRT made no execution context: the GPU's memory may be full; see its log")
        self.inputs: List[Tensor] = []
        self.outputs: List[Tensor] = []

    @abstractmethod
    def bind(self, name: str, pointer: int) -> None:
        """Let the tensor be at this device address from now on."""

    @abstractmethod
    def enqueue(self, stream_handle: int) -> None:
        """Put one inference on a stream. Raises DeviceError when TensorRT refuses."""

    def close(self) -> None:
        """Free the execution context. Harmless when repeated."""
        self._context = None
        self._engine = None

    @staticmethod
    def _refused(what: str) -> DeviceError:
        return DeviceError(f"TensorRT refused {what}; see its log")


class BindingsIO(EngineIO):
    """TensorRT 8.2 to 8.6: a list of addresses in the order of the bindings."""

    def __init__(self, trt: Any, engine: Any, input_shape: Optional[Sequence[int]]) -> None:
        super().__init__(trt, engine)
        indices = range(engine.num_bindings)
        for index in indices:
            dynamic = engine.binding_is_input(index) and -1 in tuple(engine.get_binding_shape(index))
            if dynamic and input_shape:
                self._context.set_binding_shape(index, tuple(input_shape))
        for index in indices:
            tensor = Tensor(engine.get_binding_name(index), tuple(self._context.get_binding_shape(index)),
                            numpy_type(trt, engine.get_binding_dtype(index)))
            (self.inputs if engine.binding_is_input(index) else self.outputs).append(tensor)
        self._addresses = [0] * len(indices)

    def bind(self, name: str, pointer: int) -> None:
        self._addresses[self._engine.get_binding_index(name)] = int(pointer)

    def enqueue(self, stream_handle: int) -> None:
        if not self._context.execute_async_v2(self._addresses, stream_handle):
            raise self._refused("to run the network")


class TensorIO(EngineIO):
    """TensorRT 8.5 and later: an address for each name."""

    def __init__(self, trt: Any, engine: Any, input_shape: Optional[Sequence[int]]) -> None:
        super().__init__(trt, engine)
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        for name in inputs:
            if input_shape and -1 in tuple(engine.get_tensor_shape(name)):
                self._context.set_input_shape(name, tuple(input_shape))
        for name in names:
            tensor = Tensor(name, tuple(self._context.get_tensor_shape(name)),
                            numpy_type(trt, engine.get_tensor_dtype(name)))
            (self.inputs if name in inputs else self.outputs).append(tensor)

    def bind(self, name: str, pointer: int) -> None:
        if not self._context.set_tensor_address(name, int(pointer)):
            raise self._refused(f"the address of '{name}'")

    def enqueue(self, stream_handle: int) -> None:
        if not self._context.execute_async_v3(stream_handle):
            raise self._refused("to run the network")


def open_engine_io(trt: Any, engine: Any, input_shape: Optional[Sequence[int]] = None) -> EngineIO:
    """Through the API that this engine has, the newer of both. ``input_shape`` is that of a dynamic input."""
    generation = TensorIO if hasattr(engine, "num_io_tensors") else BindingsIO
    return generation(trt, engine, input_shape)


def check_network_io(io: EngineIO, classes: int, input_size: Tuple[int, int]) -> Tuple[Tensor, Tensor]:
    """The image input and the logits output of a segmentation network. Raises InputError for another engine.

    Expected: one input 1x3xheightxwidth, one output 1xclassesxhxw, each float32 or float16.
    """
    width, height = input_size
    _check_one("input", io.inputs, (1, 3, height, width), f"1x3x{height}x{width}")
    _check_one("output", io.outputs, (1, classes), f"1x{classes}xHxW")
    return io.inputs[0], io.outputs[0]


def _check_one(what: str, found: Sequence[Tensor], start: Tuple[int, ...], expected: str) -> None:
    fits = (len(found) == 1 and len(found[0].shape) == 4 and found[0].shape[:len(start)] == start
            and min(found[0].shape) > 0 and found[0].dtype in (np.float32, np.float16))
    if not fits:
        raise InputError("the engine does not fit its model: expected one {} {} float32 or float16, "
                         "found {}; build it again from this model.onnx".format(
                             what, expected, ", ".join(map(str, found)) or "none"))


def numpy_type(trt: Any, dtype: Any) -> Any:
    """numpy's type for TensorRT's. Raises InputError for one that numpy has not, such as BF16."""
    # trt.nptype fails in 8.x with a numpy of today
    for name, numpy_name in _TYPES.items():
        if hasattr(trt.DataType, name) and dtype == getattr(trt.DataType, name):
            return numpy_name
    raise InputError(f"the engine has a tensor of type {dtype}; expected one of {', '.join(_TYPES)}")
