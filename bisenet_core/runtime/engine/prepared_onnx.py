"""model.onnx rewritten for TensorRT: so that 8.2 reads it, and in FP16 where there is no flag for it (11)."""

import warnings
from typing import Dict, List, Optional, Set, Tuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.engine.onnx_wire import (
    BYTES,
    VARINT,
    Field,
    Value,
    messages,
    number_of,
    read_fields,
    texts,
    write_fields,
)

# Numbers of the fields, from onnx.proto.
_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _VALUE_INFO = 1, 5, 11, 13
_NODE_INPUT, _NODE_OUTPUT, _OP_TYPE, _ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_INT = 3
_DATA_TYPE, _TENSOR_NAME, _RAW_DATA = 2, 8, 9
_INFO_TYPE, _TENSOR_TYPE, _SHAPE, _DIMENSION, _DIM_VALUE = 2, 1, 2, 1, 1
#: Sums over a whole image stagnate in FP16 after some thousand terms, and may overflow.
_SUMS = ["ReduceMean", "ReduceSum", "GlobalAveragePool"]
_FLOAT, _UINT8, _INT8, _FLOAT16 = 1, 2, 3, 10


def prepare_onnx(content: bytes, width: int, height: int) -> bytes:
    """Fix the input at 1x3x``height``x``width`` and store as float32 what is cast to it from FP16.

    TensorRT 8.2 takes the kernel of a convolution from the file only, not from the Cast behind which
    ``bisenet export`` keeps it at half the size. Raises InputError for bytes that are no ONNX.
    """
    try:
        model = list(read_fields(content))
        graph = next(value for number, _, value in model if number == _GRAPH and isinstance(value, bytes))
        fields = _rewrite(list(read_fields(graph)), (1, 3, height, width))
    except (StopIteration, ValueError) as error:
        reason = str(error) or "it holds no graph"
        raise InputError(f"model.onnx is no ONNX file ({reason}); export or fetch the model again") from error
    rewritten = [(n, kind, write_fields(fields) if n == _GRAPH else value) for n, kind, value in model]
    return write_fields(rewritten)


def is_quantised(content: bytes) -> bool:
    """Whether an ONNX file says itself where it is INT8. Raises ValueError for bytes that are no ONNX."""
    graphs = messages(list(read_fields(content)), _GRAPH)
    nodes = [node for graph in graphs for node in messages(list(read_fields(graph)), _NODE)]
    return any("QuantizeLinear" in texts(list(read_fields(node)), _OP_TYPE) for node in nodes)


def with_signed_activations(content: bytes) -> bytes:
    """The quantised network with signed INT8 alone, as TensorRT takes it.

    What is unsigned, from 0 to 255 steps above a zero point of 0, gets 127 steps up to the same value. Raises
    InputError for another zero point.
    """
    model = list(read_fields(content))
    graph = list(read_fields(messages(model, _GRAPH)[0]))
    nodes = [list(read_fields(node)) for node in messages(graph, _NODE)]
    used = [texts(node, _NODE_INPUT) for node in nodes
            if texts(node, _OP_TYPE)[0] in ("QuantizeLinear", "DequantizeLinear")]
    unsigned = {name for name in map(_unsigned_name, messages(graph, _INITIALIZER)) if name}
    scales = {names[1] for names in used if names[2:] and names[2] in unsigned}
    result: List[Field] = []
    for number, kind, value in graph:
        if number == _INITIALIZER and isinstance(value, bytes):
            result.append((number, kind, _signed(value, scales)))
        elif number != _VALUE_INFO:  # types between the nodes, which any reader finds out itself
            result.append((number, kind, value))
    written = write_fields(result)
    return write_fields([(n, kind, written if n == _GRAPH else value) for n, kind, value in model])


def to_half(content: bytes) -> bytes:
    """The network with FP16 weights, arithmetic, input and output.

    Its sums over the image stay float32, behind Casts: ReduceMean, ReduceSum and global pooling.
    ``content`` comes from ``prepare_onnx``. Raises InputError where onnxconverter-common is missing or fails.
    """
    try:
        import onnx
        from onnxconverter_common import float16
    except ImportError as error:
        raise InputError(f"FP16 with this TensorRT needs the network in FP16, and so {error.name}: "
                         "pip install onnx onnxconverter-common, or use precision fp32") from error
    # It keeps Resize in FP32, which old releases of ONNX Runtime need and TensorRT would pay with two copies.
    blocked = [name for name in float16.DEFAULT_OP_BLOCK_LIST if name != "Resize"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a line for each weight that FP16 rounds to its smallest number
            model = float16.convert_float_to_float16(
                onnx.load_from_string(content), keep_io_types=False, op_block_list=blocked + _SUMS)
    except Exception as error:  # it raises whatever onnx does, of no common base
        raise InputError(f"model.onnx cannot be written in FP16: {' '.join(str(error).split())}; "
                         "use precision fp32") from error
    return bytes(model.SerializeToString())


def _rewrite(graph: List[Field], shape: Tuple[int, ...]) -> List[Field]:
    nodes = [list(read_fields(value)) for value in messages(graph, _NODE)]
    halves = {name for name in map(_half_name, messages(graph, _INITIALIZER)) if name}
    # Cast of a stored FP16 tensor to float32: the tensor's name -> that of the Cast's result
    widened = {source: target for source, target in filter(None, map(_cast, nodes)) if source in halves}
    kept = [node for node in nodes if not _is_folded(node, widened)]
    used = {name for node in kept for name in texts(node, _NODE_INPUT)}
    result: List[Field] = [(_NODE, BYTES, write_fields(node)) for node in kept]
    for number, kind, value in graph:
        if number == _NODE:
            continue
        if number == _INITIALIZER and isinstance(value, bytes):
            result += [(number, kind, tensor) for tensor in _widen(value, widened, used)]
        elif number == _INPUT and isinstance(value, bytes):
            result.append((number, kind, _with_shape(value, shape)))
        else:
            result.append((number, kind, value))
    return result


def _half_name(tensor: bytes) -> Optional[str]:
    fields = list(read_fields(tensor))
    half = number_of(fields, _DATA_TYPE) == _FLOAT16 and bool(messages(fields, _RAW_DATA))
    return texts(fields, _TENSOR_NAME)[0] if half else None


def _unsigned_name(tensor: bytes) -> Optional[str]:
    fields = list(read_fields(tensor))
    return texts(fields, _TENSOR_NAME)[0] if number_of(fields, _DATA_TYPE) == _UINT8 else None


def _signed(tensor: bytes, scales: Set[str]) -> bytes:
    """A zero point as INT8, one of ``scales`` wider by 255/127, any other tensor as it is."""
    fields = list(read_fields(tensor))
    name, (raw, *_) = texts(fields, _TENSOR_NAME)[0], messages(fields, _RAW_DATA) or [b""]
    new: Dict[int, Value] = {}
    if number_of(fields, _DATA_TYPE) == _UINT8:
        if any(raw):
            raise InputError("the network is quantised asymmetrically, which TensorRT does not take; "
                             "`bisenet quantize` makes one that it does")
        new = {_DATA_TYPE: _INT8}
    elif name in scales:
        new = {_RAW_DATA: (np.frombuffer(raw, "<f4") * np.float32(255 / 127)).astype("<f4").tobytes()}
    return write_fields([(number, kind, new.get(number, value)) for number, kind, value in fields])


def _cast(node: List[Field]) -> Optional[Tuple[str, str]]:
    if texts(node, _OP_TYPE) != ["Cast"]:
        return None
    targets = [number_of(list(read_fields(value)), _ATTRIBUTE_INT) for value in messages(node, _ATTRIBUTE)]
    return (texts(node, _NODE_INPUT)[0], texts(node, _NODE_OUTPUT)[0]) if targets == [_FLOAT] else None


def _is_folded(node: List[Field], widened: Dict[str, str]) -> bool:
    cast = _cast(node)
    return cast is not None and widened.get(cast[0]) == cast[1]


def _widen(tensor: bytes, widened: Dict[str, str], used: Set[str]) -> List[bytes]:
    """The tensor as it is where a node uses it, and in float32 where its Cast was folded."""
    fields = list(read_fields(tensor))
    name = texts(fields, _TENSOR_NAME)[0]
    if name not in widened:
        return [tensor]
    new: Dict[int, Value] = {_DATA_TYPE: _FLOAT, _TENSOR_NAME: widened[name].encode("utf-8")}
    result: List[Field] = []
    for number, kind, value in fields:
        if number == _RAW_DATA and isinstance(value, bytes):
            result.append((number, kind, np.frombuffer(value, "<f2").astype("<f4").tobytes()))
        else:
            result.append((number, kind, new.get(number, value)))
    return [write_fields(result)] + ([tensor] if name in used else [])


def _with_shape(info: bytes, shape: Tuple[int, ...]) -> bytes:
    dimensions = [(_DIMENSION, BYTES, write_fields([(_DIM_VALUE, VARINT, side)])) for side in shape]
    return _replace(info, (_INFO_TYPE, _TENSOR_TYPE, _SHAPE), write_fields(list(dimensions)))


def _replace(message: bytes, path: Tuple[int, ...], content: bytes) -> bytes:
    if not path:
        return content
    return write_fields([
        (number, kind, _replace(value, path[1:], content) if number == path[0] and isinstance(value, bytes)
         else value) for number, kind, value in read_fields(message)])
