"""FP16 written into the network itself, for a TensorRT that computes in just the types it is given (11)."""

import warnings

from bisenet_core.errors import InputError


def to_half(content: bytes) -> bytes:
    """The network with FP16 weights and arithmetic; its input and output stay float32, behind Casts.

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
                onnx.load_from_string(content), keep_io_types=True, op_block_list=blocked)
    except Exception as error:  # it raises whatever onnx does, of no common base
        raise InputError(f"model.onnx cannot be written in FP16: {' '.join(str(error).split())}; "
                         "use precision fp32") from error
    return bytes(model.SerializeToString())
