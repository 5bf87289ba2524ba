"""TensorRT modules that compute on the host, one per generation, each without the names its version lacks.

``make_tensorrt("8.2", driver)`` gives a module to stand in for ``tensorrt``, on the GPU of a fake pycuda
driver. A plan holds the ONNX file it was built from; executing it runs that file on (fake) device memory.
What would crash, or compute on garbage, raises Misuse. An FP16 engine computes in half, layer by layer.
"""

import json
import struct
import types
from enum import IntEnum
from functools import lru_cache

import numpy as np
from fake_pycuda import Misuse

from bisenet_core.errors import InputError
from bisenet_core.runtime.engine.onnx_wire import messages, number_of, read_fields, texts
from bisenet_core.runtime.engine.prepared_onnx import to_half

#: generation -> version string of its module
VERSIONS = {"8.2": "8.2.1.8", "8.5": "8.5.3.1", "8.6": "8.6.1", "10.3": "10.3.0", "11.4": "11.4.0.106"}
_MAGIC = b"fakeplan"
_NO_GPU = "pybind11::init(): factory function returned nullptr"
_NUMPY = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "INT32": np.int32, "BOOL": np.bool_,
          "UINT8": np.uint8, "INT64": np.int64}
_ONNX_TYPES = {1: "FLOAT", 2: "UINT8", 3: "INT8", 6: "INT32", 7: "INT64", 9: "BOOL", 10: "HALF"}


def make_tensorrt(generation, driver):
    """The module; ``failures`` is a set of names of calls that refuse or return None from now on."""
    trt = types.ModuleType("tensorrt")
    major, minor = (int(part) for part in generation.split("."))
    trt.__version__, trt.generation, trt.driver = VERSIONS[generation], (major, minor), driver
    trt.failures, trt.builds = set(), []
    trt.cuda_status = 0  # that the driver refuses this TensorRT with: 35, it is older than its CUDA
    _add_enums(trt, major, minor)
    trt.ILogger, trt.Logger, trt.ITimingCache = ILogger, Logger, TimingCacheBlob
    old, new, newer = major < 10, (major, minor) >= (8, 5), (major, minor) >= (8, 6)
    parts = {
        "Runtime": [Runtime], "Builder": [Builder], "OnnxParser": [OnnxParser],
        "INetworkDefinition": [Network],
        "IBuilderConfig": [Config] + [Workspace] * old + [PoolLimit, Preview] * new + [Level] * newer
        + [Monitor] * (major >= 10),
        "ICudaEngine": [Engine] + [TensorEngine] * new + [BindingEngine] * old,
        "IExecutionContext": [ExecutionContext] + [TensorContext] * new + [BindingContext] * old}
    for name, classes in parts.items():
        setattr(trt, name, type(name, tuple(reversed(classes)), {"trt": trt}))
    if major >= 10:
        trt.IProgressMonitor = type("IProgressMonitor", (), {})
    return trt


def _enum(trt, name, members):
    setattr(trt, name, IntEnum(name, [(member, number) for number, member in enumerate(members.split())]))


def _add_enums(trt, major, minor):
    new = (major, minor) >= (8, 5)
    _enum(trt, "DataType", "FLOAT HALF INT8 INT32 BOOL" + " UINT8" * new + " FP8 BF16 INT64" * (major >= 10))
    trt.float32, trt.float16 = trt.DataType.FLOAT, trt.DataType.HALF
    _enum(trt, "BuilderFlag", "FP16 INT8 " * (major < 11) + "DEBUG REFIT DISABLE_TIMING_CACHE TF32")
    _enum(trt, "NetworkDefinitionCreationFlag",
          "EXPLICIT_BATCH " * (major < 11) + "STRONGLY_TYPED" * (major >= 10))
    own = " EDGE_MASK_CONVOLUTIONS JIT_CONVOLUTIONS" if new else ""
    _enum(trt, "TacticSource", ("CUBLAS CUBLAS_LT CUDNN" if major < 11 else "") + own)
    _enum(trt, "TensorFormat", "LINEAR CHW2 HWC8")
    _enum(trt, "LayerType", "CONVOLUTION ACTIVATION QUANTIZE DEQUANTIZE OTHER")
    _enum(trt, "ProfilingVerbosity", "LAYER_NAMES_ONLY NONE DETAILED")
    if new:
        _enum(trt, "TensorIOMode", "NONE INPUT OUTPUT")
        _enum(trt, "MemoryPoolType", "WORKSPACE DLA_MANAGED_SRAM")
        _enum(trt, "PreviewFeature", "DISABLE_EXTERNAL_TACTIC_SOURCES_FOR_CORE_0805 " * (major < 10)
              + "PROFILE_SHARING_0806")


class ILogger:
    Severity = IntEnum("Severity", [(name, number) for number, name in enumerate(
        ["INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"])])
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = Severity

    def __init__(self):
        self.ready = True  # a subclass that does not call this has no C++ object


class Logger(ILogger):
    def __init__(self, severity=ILogger.Severity.WARNING):
        super().__init__()

    def log(self, severity, msg):
        pass


class _Made:
    """What is made with a logger, on a GPU."""

    trt = None

    def __init__(self, logger):
        if not getattr(logger, "ready", False):
            raise Misuse("the logger is no ILogger, or has not called ILogger.__init__")
        self.logger = logger
        status = self.trt.cuda_status if self.trt.driver.Device.count() else 100
        if status:
            self.error("CUDA initialization failure with error: {}".format(status))
            raise TypeError(_NO_GPU)
        _need_context(self.trt)

    def error(self, message):
        self.logger.log(ILogger.Severity.ERROR, message)


def _need_context(trt):
    if not trt.driver.context_stack:
        raise Misuse("no CUDA context is current in this thread")


class Plan(bytes):
    """IHostMemory."""

    @property
    def nbytes(self):
        return len(self)


class Runtime(_Made):
    def deserialize_cuda_engine(self, serialized_engine):
        _need_context(self.trt)
        header, onnx, reason = _read_plan(bytes(serialized_engine), self.trt)
        if reason or "deserialize_cuda_engine" in self.trt.failures:
            return self.error(reason)
        return self.trt.ICudaEngine(header, onnx)


def write_plan(trt, onnx, inputs, outputs, half):
    header = json.dumps({"version": trt.__version__, "compute": trt.driver._gpu[1], "inputs": inputs,
                         "outputs": outputs, "half": half}).encode()
    return Plan(_MAGIC + struct.pack("<QQ", len(header), len(onnx)) + header + onnx)


def _read_plan(plan, trt):
    if not plan:
        return None, None, "Cannot deserialize with an empty memory buffer."
    if plan[:8] != _MAGIC:
        return None, None, "Serialization assertion magicTagRead == kMAGIC_TAG failed."
    sizes = struct.unpack("<QQ", plan[8:24].ljust(16, b"\0"))
    if len(plan) != 24 + sum(sizes):
        return None, None, "Size specified in header does not match archive size"
    header = json.loads(plan[24:24 + sizes[0]].decode())
    reason = None
    if header["version"] != trt.__version__:
        reason = "Serialization assertion stdVersionRead == serializationVersion failed."
    elif tuple(header["compute"]) != tuple(trt.driver._gpu[1]):
        reason = "The engine plan file is generated on an incompatible device, please rebuild."
    return header, plan[24 + sizes[0]:], reason


class Engine:
    """``tensors``: [name, shape, DataType's name, is input], inputs first."""

    trt = None

    def __init__(self, header, onnx):
        self.tensors = [tensor + [True] for tensor in header["inputs"]]
        self.tensors += [tensor + [False] for tensor in header["outputs"]]
        self.half, self.onnx = header["half"], onnx

    def create_execution_context(self):
        _need_context(self.trt)
        if "create_execution_context" in self.trt.failures:
            return None
        return self.trt.IExecutionContext(self)

    def dtype(self, index):
        return getattr(self.trt.DataType, self.tensors[index][2])

    def named(self, name):
        return next(index for index, tensor in enumerate(self.tensors) if tensor[0] == name)


class BindingEngine:
    @property
    def num_bindings(self):
        return len(self.tensors)

    def get_binding_name(self, index):
        return self.tensors[index][0]

    def get_binding_index(self, name):
        return next((index for index, tensor in enumerate(self.tensors) if tensor[0] == name), -1)

    def get_binding_shape(self, index):
        return tuple(self.tensors[index][1])

    def get_binding_dtype(self, index):
        return self.dtype(index)

    def binding_is_input(self, index):
        return self.tensors[index][3]


class TensorEngine:
    @property
    def num_io_tensors(self):
        return len(self.tensors)

    def get_tensor_name(self, index):
        return self.tensors[index][0]

    def get_tensor_shape(self, name):
        return tuple(self.tensors[self.named(name)][1])

    def get_tensor_dtype(self, name):
        return self.dtype(self.named(name))

    def get_tensor_mode(self, name):
        modes = self.trt.TensorIOMode
        return modes.INPUT if self.tensors[self.named(name)][3] else modes.OUTPUT


class ExecutionContext:
    trt = None

    def __init__(self, engine):
        self.engine = engine
        self.shapes = [tuple(tensor[1]) for tensor in engine.tensors]
        self.enqueued = 0

    def set_shape(self, index, shape):
        declared = self.engine.tensors[index][1]
        fits = len(shape) == len(declared) and all(want in (-1, have) for want, have in zip(declared, shape))
        if fits and self.engine.tensors[index][3]:
            self.shapes[index] = tuple(shape)
            return True
        return False

    def shape(self, index):
        """Of an output too, once the input is known."""
        if self.engine.tensors[index][3] or -1 in self.shapes[0] or -1 not in self.shapes[index]:
            return self.shapes[index]
        dtype = _NUMPY[self.engine.tensors[0][2]]
        return network(self.engine.onnx)(np.zeros(self.shapes[0], dtype)).shape

    def enqueue(self, addresses, stream_handle):
        _need_context(self.trt)
        if "enqueue" in self.trt.failures:
            return False
        if not all(addresses):
            raise Misuse("enqueue before every input and output has its address")
        shapes = [self.shape(index) for index in range(len(addresses))]
        if any(-1 in shape for shape in shapes):
            raise Misuse("enqueue before the input has its shape")
        driver = self.trt.driver
        stream = driver.streams[stream_handle]
        types_ = [_NUMPY[tensor[2]] for tensor in self.engine.tensors]
        for address, shape, dtype in zip(addresses, shapes, types_):
            driver.view(address, shape, dtype)
        self.enqueued += 1
        stream.put(lambda: self._run(driver, list(zip(addresses, shapes, types_))))
        return True

    def _run(self, driver, places):
        source, target = (driver.view(*place) for place in places)
        target[...] = (half_network if self.engine.half else network)(self.engine.onnx)(source)


class BindingContext:
    def set_binding_shape(self, index, shape):
        return self.set_shape(index, shape)

    def get_binding_shape(self, index):
        return self.shape(index)

    def execute_async_v2(self, bindings, stream_handle):
        return self.enqueue(list(bindings), stream_handle)


class TensorContext:
    def set_input_shape(self, name, shape):
        return self.set_shape(self.engine.named(name), shape)

    def get_tensor_shape(self, name):
        return self.shape(self.engine.named(name))

    def set_tensor_address(self, name, address):
        self.addresses = dict(getattr(self, "addresses", {}), **{name: address})
        return "set_tensor_address" not in self.trt.failures

    def execute_async_v3(self, stream_handle):
        given = getattr(self, "addresses", {})
        return self.enqueue([given.get(tensor[0], 0) for tensor in self.engine.tensors], stream_handle)


class Builder(_Made):
    def create_network(self, flags=0):
        explicit = getattr(self.trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
        return self.trt.INetworkDefinition(
            self.trt.generation[0] >= 10 or bool(flags >> int(explicit) & 1))

    def create_builder_config(self):
        return self.trt.IBuilderConfig()

    def build_serialized_network(self, network, config):
        _need_context(self.trt)
        self.trt.builds.append(config)
        if "build_serialized_network" in self.trt.failures:
            return self.error("Could not find any implementation for node Conv_0.")
        tensors = [[t.name, list(t.shape), t.dtype.name] for t in network.inputs + network.outputs]
        if any(-1 in shape for _, shape, _ in tensors[:len(network.inputs)]):
            return self.error("Network has dynamic inputs, but no optimization profile has been defined.")
        if not _report_progress(config):
            return self.error("the build was interrupted")
        config.measured = b"timings" if config.cache is not None else None
        count = len(network.inputs)
        tensors[count][1] = list(network_shape(network.onnx, tensors[0]))
        return write_plan(self.trt, network.onnx, tensors[:count], tensors[count:], "FP16" in config.flags)


def _report_progress(config):
    monitor = getattr(config, "progress_monitor", None)
    if monitor is None:
        return True
    monitor.phase_start("Building", None, 2)
    going = all([monitor.step_complete("Building", step) for step in range(2)])
    monitor.phase_finish("Building")
    return going


class ITensor:
    def __init__(self, trt, info):
        fields = list(read_fields(info))
        tensor = list(read_fields(messages(list(read_fields(messages(fields, 2)[0])), 1)[0]))
        dimensions = messages(list(read_fields((messages(tensor, 2) or [b""])[0])), 1)
        self.name = texts(fields, 1)[0]
        self.shape = tuple(number_of(list(read_fields(dimension)), 1) or -1 for dimension in dimensions)
        self.dtype = getattr(trt.DataType, _ONNX_TYPES[number_of(tensor, 1)])


class ILayer:
    def __init__(self, trt, operator):
        kinds = {"Conv": "CONVOLUTION", "Relu": "ACTIVATION", "QuantizeLinear": "QUANTIZE",
                 "DequantizeLinear": "DEQUANTIZE"}
        self.type = trt.LayerType[kinds.get(operator, "OTHER")]


class Network:
    trt = None

    def __init__(self, explicit_batch):
        self.explicit_batch, self.onnx = explicit_batch, None
        self.inputs, self.outputs, self.layers = [], [], []

    num_inputs = property(lambda self: len(self.inputs))
    num_outputs = property(lambda self: len(self.outputs))
    num_layers = property(lambda self: len(self.layers))

    def get_input(self, index):
        return self.inputs[index]

    def get_output(self, index):
        return self.outputs[index]

    def get_layer(self, index):
        return self.layers[index]


class ParserError:
    def __init__(self, text):
        self.text = text

    def desc(self):
        return self.text

    def node(self):
        return 0


class OnnxParser(_Made):
    def __init__(self, network, logger):
        super().__init__(logger)
        self.network, self.errors = network, []

    num_errors = property(lambda self: len(self.errors))

    def get_error(self, index):
        return self.errors[index]

    def parse(self, model, path=None):
        try:
            self._read(bytes(model))
        except (ValueError, IndexError) as error:
            self.errors.append(ParserError(str(error)))
        return not self.errors

    def _read(self, model):
        if not self.network.explicit_batch:
            raise ValueError("This version of the ONNX parser only supports TensorRT INetworkDefinitions "
                             "with an explicit batch dimension.")
        fields = list(read_fields(model))
        opset = max(number_of(list(read_fields(value)), 2) for value in messages(fields, 8))
        if self.trt.generation < (8, 4) and opset > 13:
            raise ValueError("opset {} is newer than 13".format(opset))
        graph = list(read_fields(messages(fields, 7)[0]))
        weights = {name for tensor in messages(graph, 5) for name in texts(list(read_fields(tensor)), 8)}
        infos = [ITensor(self.trt, info) for info in messages(graph, 11)]
        self.network.inputs = [info for info in infos if info.name not in weights]
        self.network.outputs = [ITensor(self.trt, info) for info in messages(graph, 12)]
        operators = [texts(list(read_fields(node)), 4)[0] for node in messages(graph, 1)]
        self.network.layers = [ILayer(self.trt, operator) for operator in operators]
        self.network.onnx = model


class TimingCacheBlob:
    def __init__(self, content):
        self.content = content

    def serialize(self):
        return Plan(self.content)


class Config:
    """``flags``: names of those set; ``workspace`` in bytes; ``sources``: bits of the tactic sources."""

    trt = None

    def __init__(self):
        self.flags, self.previews = {"TF32"}, set()
        self.workspace = self.cache = self.measured = None
        self.sources = sum(1 << int(source) for source in self.trt.TacticSource)
        self.profiling_verbosity = self.trt.ProfilingVerbosity.LAYER_NAMES_ONLY

    def set_flag(self, flag):
        self.flags.add(flag.name)

    def clear_flag(self, flag):
        self.flags.discard(flag.name)

    def get_flag(self, flag):
        return flag.name in self.flags

    def set_tactic_sources(self, sources):
        self.sources = sources
        return True

    def get_tactic_sources(self):
        return self.sources

    def create_timing_cache(self, content):
        if content not in (b"", b"timings"):
            return None
        return TimingCacheBlob(content)

    def set_timing_cache(self, cache, ignore_mismatch):
        self.cache = cache
        return True

    def get_timing_cache(self):
        return self.cache and TimingCacheBlob(self.measured or self.cache.content)


class Workspace:
    def __setattr__(self, name, value):
        super().__setattr__("workspace" if name == "max_workspace_size" else name, value)

    max_workspace_size = property(lambda self: self.workspace)


class PoolLimit:
    def set_memory_pool_limit(self, pool, size):
        self.workspace = size


class Preview:
    def set_preview_feature(self, feature, enable):
        self.previews = self.previews | {feature.name} if enable else self.previews - {feature.name}


class Level:
    builder_optimization_level = 3


class Monitor:
    progress_monitor = None


def network_shape(onnx, tensor):
    """Shape of the output for an input [name, shape, type]."""
    return network(onnx)(np.zeros(tensor[1], _NUMPY[tensor[2]])).shape


@lru_cache(maxsize=8)
def network(onnx):
    """image -> logits by ONNX Runtime, or by OpenCV where that is not installed (Python 3.6)."""
    try:
        import onnxruntime
    except ImportError:
        return _opencv_network(onnx)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    dtype = np.float16 if given.type == "tensor(float16)" else np.float32
    return lambda image: session.run(None, {given.name: image.astype(dtype)})[0]


@lru_cache(maxsize=8)
def half_network(onnx):
    """The same with layers in FP16, or at least input and output where no converter is installed."""
    try:
        return network(to_half(onnx))
    except InputError:
        run = network(onnx)
        return lambda image: run(image.astype(np.float16).astype(np.float32)).astype(np.float16)


def _opencv_network(onnx):
    import cv2

    graph = cv2.dnn.readNetFromONNX(np.frombuffer(onnx, np.uint8))

    def run(image):
        graph.setInput(np.ascontiguousarray(image, np.float32))
        return graph.forward().copy()

    return run


def install(monkeypatch, trt):
    """Have ``import tensorrt`` give the fake until the test ends."""
    import sys

    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    return trt
