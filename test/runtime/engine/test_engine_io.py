"""Both generations of TensorRT's API, through the same tests, on fakes that lack what each version lacks."""

import re

import numpy as np
import pytest
from fake_pycuda import Misuse
from fake_tensorrt import network, write_plan

from bisenet_core.errors import DeviceError, InputError
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.engine.builder import EngineBuilder
from bisenet_core.runtime.engine.callbacks import shared_logger
from bisenet_core.runtime.engine.engine_io import BindingsIO, TensorIO, check_network_io, open_engine_io
from bisenet_core.runtime.engine.options import EngineOptions
from bisenet_core.runtime.model_card import ModelCard


@pytest.fixture
def device(fake_driver):
    opened = CudaDevice.open()
    with opened.current():
        yield opened
    opened.close()


@pytest.fixture
def card(gpu_model_folder):
    return ModelCard.load(gpu_model_folder)


@pytest.fixture
def plan(fake_trt, device, card, tmp_path):
    return EngineBuilder(fake_trt, tmp_path / "timing.cache").build(card, EngineOptions("fp32", (96, 64)))


def open_plan(trt, plan, shape=None):
    return open_engine_io(trt, trt.Runtime(shared_logger(trt)).deserialize_cuda_engine(plan), shape)


def test_the_newer_api_is_used_where_there_is_one(fake_trt, device, plan):
    expected = BindingsIO if fake_trt.generation == (8, 2) else TensorIO
    assert type(open_plan(fake_trt, plan)) is expected
    assert hasattr(fake_trt.ICudaEngine, "num_bindings") == (fake_trt.generation[0] == 8)


def test_names_shapes_and_types(fake_trt, device, plan):
    source, target = check_network_io(open_plan(fake_trt, plan), 11, (96, 64))
    assert (source.name, source.shape, source.dtype) == ("image", (1, 3, 64, 96), np.float32)
    assert (target.name, target.shape, target.dtype) == ("logits", (1, 11, 8, 12), np.float32)
    assert source.nbytes == 3 * 64 * 96 * 4 and str(source) == "image 1x3x64x96 float32"


def run(io, device, image):
    """Logits of an image, by hand."""
    stream = device.stream()
    memory = [device.allocate(image.nbytes), device.allocate(io.outputs[0].nbytes)]
    device.driver.memcpy_htod(memory[0], image)
    device.driver.Context.synchronize()
    for tensor, place in zip(io.inputs + io.outputs, memory):
        io.bind(tensor.name, int(place))
    io.enqueue(stream.handle)
    stream.synchronize()
    logits = np.empty(io.outputs[0].shape, io.outputs[0].dtype)
    device.driver.memcpy_dtoh(logits, memory[1])
    return logits


def random_image():
    return np.random.RandomState(0).standard_normal((1, 3, 64, 96)).astype(np.float32)


def test_it_computes(fake_trt, device, plan, card):
    logits = run(open_plan(fake_trt, plan), device, random_image())
    expected = network(fake_trt.Runtime(shared_logger(fake_trt)).deserialize_cuda_engine(plan).onnx)
    assert (logits == expected(random_image())).all()


def test_a_dynamic_input_gets_its_shape(fake_trt, device, card):
    plan = write_plan(fake_trt, card.onnx_path.read_bytes(), [["image", [1, 3, -1, -1], "FLOAT"]],
                      [["logits", [1, 11, -1, -1], "FLOAT"]], half=False)
    io = open_plan(fake_trt, plan, (1, 3, 64, 96))
    check_network_io(io, 11, (96, 64))
    assert np.isfinite(run(io, device, random_image())).all()
    with pytest.raises(InputError, match="found image 1x3x-1x-1 float32"):
        check_network_io(open_plan(fake_trt, plan), 11, (96, 64))


@pytest.mark.parametrize("inputs, outputs, message", [
    ([["image", [1, 3, 64, 64], "FLOAT"]], [["logits", [1, 11, 8, 8], "FLOAT"]],
     "expected one input 1x3x64x96 float32 or float16, found image 1x3x64x64 float32"),
    ([["image", [1, 3, 64, 96], "INT32"]], [["logits", [1, 11, 8, 12], "FLOAT"]],
     "found image 1x3x64x96 int32"),
    ([["image", [1, 3, 64, 96], "FLOAT"]], [["logits", [1, 19, 8, 12], "FLOAT"]],
     "expected one output 1x11xHxW float32 or float16, found logits 1x19x8x12 float32"),
    ([["image", [1, 3, 64, 96], "FLOAT"]], [["labels", [1, 64, 96], "INT32"]], "found labels 1x64x96 int32"),
    ([["a", [1, 3, 64, 96], "FLOAT"], ["b", [1], "FLOAT"]], [["logits", [1, 11, 8, 12], "HALF"]],
     "found a 1x3x64x96 float32, b 1 float32")])
def test_an_engine_of_something_else_is_refused(fake_trt, device, card, inputs, outputs, message):
    plan = write_plan(fake_trt, card.onnx_path.read_bytes(), inputs, outputs, half=False)
    with pytest.raises(InputError, match=message):
        check_network_io(open_plan(fake_trt, plan), 11, (96, 64))


def test_what_tensorrt_refuses_is_a_device_error(fake_trt, device, plan):
    io = open_plan(fake_trt, plan)
    fake_trt.failures.add("enqueue")
    with pytest.raises(DeviceError, match="TensorRT refused to run the network"):
        run(io, device, random_image())
    fake_trt.failures.add("create_execution_context")
    with pytest.raises(DeviceError, match="no execution context"):
        open_plan(fake_trt, plan)


def test_the_fake_refuses_misuse(fake_trt, device, plan):
    io = open_plan(fake_trt, plan)
    stream, memory = device.stream(), device.allocate(io.inputs[0].nbytes)
    with pytest.raises(Misuse, match="before every input and output has its address"):
        io.enqueue(stream.handle)
    io.bind("image", int(memory))
    io.bind("logits", int(memory) + memory.driver.live[int(memory)].nbytes - 4)
    with pytest.raises(Misuse, match="not within allocated device memory"):
        io.enqueue(stream.handle)
    address = int(memory)
    memory.free()
    io.bind("logits", address)
    with pytest.raises(Misuse, match="not within allocated device memory"):
        io.enqueue(stream.handle)
    with pytest.raises(Misuse, match="device memory was freed"):
        int(memory)


@pytest.mark.parametrize("broken, said", [
    (lambda plan: b"", "empty"), (lambda plan: b"no engine" * 9, "magicTag"),
    (lambda plan: plan[:-9], "Size"),
    (lambda plan: plan.replace(b'"version": "', b'"version": "9'), "Size|stdVersion"),
    (lambda plan: plan.replace(b"[8, 6]", b"[8, 7]"), "incompatible device")])
def test_the_fake_refuses_other_plans(fake_trt, device, plan, broken, said):
    log = shared_logger(fake_trt)
    log.take_errors()
    assert fake_trt.Runtime(log).deserialize_cuda_engine(broken(plan)) is None
    assert re.search(said, log.take_errors())
