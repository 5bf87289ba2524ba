"""model.onnx rewritten for TensorRT: so that 8.2 reads it, and in FP16 where there is no flag for it (11)."""

import warnings
from typing import Dict, List, Optional, Set, Tuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.engine.onnx_wire import (
    BYTES,
    VARINT,
    Edit,
    Field,
    Value,
    edited,
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
        if not messages(list(read_fields(content)), _GRAPH):
            raise ValueError("it holds no graph")
        return edited(content, {_GRAPH: lambda graph: [_rewrite(graph, (1, 3, height, width))]})
    except (TypeError, ValueError) as error:  # TypeError: a number where a message should be
        raise InputError(f"model.onnx is no ONNX file ({error}); export or fetch the model again") from error


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
    graph = list(read_fields(messages(list(read_fields(content)), _GRAPH)[0]))
    nodes = [list(read_fields(node)) for node in messages(graph, _NODE)]
    used = [texts(node, _NODE_INPUT) for node in nodes
            if texts(node, _OP_TYPE)[0] in ("QuantizeLinear", "DequantizeLinear")]
    unsigned = {name for name in map(_unsigned_name, messages(graph, _INITIALIZER)) if name}
    scales = {names[1] for names in used if names[2:] and names[2] in unsigned}
    edits: Dict[int, Edit] = {
        _INITIALIZER: lambda tensor: [_signed(tensor, scales)],
        _VALUE_INFO: lambda info: []}  # types between the nodes, which any reader finds out itself
    return edited(content, {_GRAPH: lambda graph: [edited(graph, edits)]})


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


def _rewrite(graph: bytes, shape: Tuple[int, ...]) -> bytes:
    fields = list(read_fields(graph))
    nodes = [list(read_fields(value)) for value in messages(fields, _NODE)]
    halves = {name for name in map(_half_name, messages(fields, _INITIALIZER)) if name}
    # Cast of a stored FP16 tensor to float32: the tensor's name -> that of the Cast's result
    widened = {source: target for source, target in filter(None, map(_cast, nodes)) if source in halves}
    kept = [node for node in nodes if not _is_folded(node, widened)]
    used = {name for node in kept for name in texts(node, _NODE_INPUT)}
    return edited(graph, {
        _NODE: lambda node: [] if _is_folded(list(read_fields(node)), widened) else [node],
        _INITIALIZER: lambda tensor: _widen(tensor, widened, used),
        _INPUT: lambda info: [_with_shape(info, shape)]})


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
    is_unsigned = number_of(fields, _DATA_TYPE) == _UINT8
    if not raw and (is_unsigned or name in scales):
        raise InputError("the quantised network keeps scales as lists of numbers, which are not read; save "
                         "them as raw data, with onnx.numpy_helper.from_array")
    if is_unsigned:
        if any(raw):
            raise InputError("the network is quantised asymmetrically, which TensorRT does not take; "
                             "`bisenet quantize` makes one that it does")
        return edited(tensor, {_DATA_TYPE: lambda _: [_INT8]})
    if name not in scales:
        return tensor
    wider = (np.frombuffer(raw, "<f4") * np.float32(255 / 127)).astype("<f4").tobytes()
    return edited(tensor, {_RAW_DATA: lambda _: [wider]})


def _cast(node: List[Field]) -> Optional[Tuple[str, str]]:
    if texts(node, _OP_TYPE) != ["Cast"]:
        return None
    targets = [number_of(list(read_fields(value)), _ATTRIBUTE_INT) for value in messages(node, _ATTRIBUTE)]
    return (texts(node, _NODE_INPUT)[0], texts(node, _NODE_OUTPUT)[0]) if targets == [_FLOAT] else None


def _is_folded(node: List[Field], widened: Dict[str, str]) -> bool:
    cast = _cast(node)
    return cast is not None and widened.get(cast[0]) == cast[1]


def _widen(tensor: bytes, widened: Dict[str, str], used: Set[str]) -> List[Value]:
    """The tensor as it is where a node uses it, and in float32 where its Cast was folded."""
    name = texts(list(read_fields(tensor)), _TENSOR_NAME)[0]
    if name not in widened:
        return [tensor]
    wide = edited(tensor, {
        _DATA_TYPE: lambda _: [_FLOAT], _TENSOR_NAME: lambda _: [widened[name].encode("utf-8")],
        _RAW_DATA: lambda raw: [np.frombuffer(raw, "<f2").astype("<f4").tobytes()]})
    return [wide, tensor] if name in used else [wide]


def _with_shape(info: bytes, shape: Tuple[int, ...]) -> bytes:
    dimensions = [write_fields([(_DIM_VALUE, VARINT, side)]) for side in shape]
    new = write_fields([(_DIMENSION, BYTES, dimension) for dimension in dimensions])
    return _replace(info, (_INFO_TYPE, _TENSOR_TYPE, _SHAPE), new)


def _replace(message: bytes, path: Tuple[int, ...], content: bytes) -> bytes:
    if not path:
        return content
    return edited(message, {path[0]: lambda inner: [_replace(inner, path[1:], content)]})
