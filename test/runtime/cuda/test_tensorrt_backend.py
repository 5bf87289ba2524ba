"""The whole GPU backend on fakes of five TensorRT versions, pixel by pixel against the CPU's definition.

The fake TensorRT runs the network, the fake pycuda the kernels compiled for the host, both only when the
stream is waited for; they refuse what would be undefined on a GPU.
"""

import contextlib
import gc
import itertools
import logging
import sys
import threading
import weakref

import fake_pycuda
import numpy as np
import pytest
from fake_pycuda import FakeLibcuda, LaunchError, LogicError
from fake_pycuda import MemoryError as CudaMemoryError
from fake_tensorrt import half_network, install, make_tensorrt, network
from tiny_onnx import tiny_onnx

from bisenet_core.errors import BackendUnavailable, DeviceError, InferenceError, InputError
from bisenet_core.labels.label_space import unlabel_unsure
from bisenet_core.labels.visualization import for_display, overlay
from bisenet_core.runtime import candidates, tensorrt_backend
from bisenet_core.runtime.backend import Drawing
from bisenet_core.runtime.cuda import device
from bisenet_core.runtime.fallback import FallbackBackend
from bisenet_core.runtime.host_backend import HostBackend
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.preprocessing import network_statistics, normalisation_tables, normalise
from bisenet_core.runtime.tensorrt_backend import TensorRTBackend

CHANNELS = {"rgb": (3,), "bgr": (3,), "rgba": (4,), "bgra": (4,), "mono": (), "uyvy": (2,), "yuyv": (2,)}
SIZES = [(70, 130), (64, 96), (128, 192), (31, 44), (1, 2), (200, 38)]


class Reference(HostBackend):
    """The definition, with the network as the fake TensorRT runs it."""

    name = precision = device = version = "reference"

    def __init__(self, card, input_size=(96, 64), half=False):
        super().__init__(card, input_size)
        self._network = (half_network if half else network)(card.onnx_path.read_bytes())
        self._tables = normalisation_tables(*network_statistics(card.mean, card.std, card.color_order))

    def _run(self):
        array = np.empty((1, 3) + self._image.shape[:2], np.float32)
        normalise(self._image, self._tables, array)
        return self._network(array).astype(np.float32)

    def _free(self):
        pass


@pytest.fixture(scope="module")
def card(gpu_model_folder):
    return ModelCard.load(gpu_model_folder)


@pytest.fixture
def opening(monkeypatch, fake_driver, host_module, tmp_path):
    """``opening(card, ...)`` opens the backend over the fake pycuda; closes all at the end."""
    fake_driver.kernels = host_module
    monkeypatch.setattr(tensorrt_backend, "compile_kernels", lambda capability, folder: b"cubin")
    opened = []

    def open_one(card, precision="fp32", input_size=(96, 64)):
        opened.append(TensorRTBackend(card, precision, input_size, tmp_path / "engines"))
        return opened[-1]

    open_one.forget = opened.clear
    yield open_one
    for backend in opened:
        backend.close()
    assert not fake_driver.stuck and not fake_driver.leaks
    if not fake_driver.hung:
        assert not fake_driver.live and fake_driver.retained == 0 and not fake_driver.graphs


@pytest.fixture
def newest(monkeypatch, fake_driver):
    """TensorRT 10.3, for tests that one version is enough for."""
    return install(monkeypatch, make_tensorrt("10.3", fake_driver))


def random_image(shape=(70, 130), color_order="rgb", seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape + CHANNELS[color_order]).astype(np.uint8)


def assert_equal(found, expected):
    assert (found.labels == expected.labels).all()
    if expected.confidence is None:
        assert found.confidence is None
    else:
        off = np.abs(found.confidence.astype(int) - expected.confidence.astype(int))
        assert off.max() <= 1 and (off > 0).mean() < 0.01


@pytest.mark.parametrize("color_order", sorted(CHANNELS))
def test_every_generation_gives_the_definitions_labels(fake_trt, opening, card, color_order):
    backend, reference = opening(card), Reference(card)
    for seed, size in enumerate(SIZES):
        image = random_image(size, color_order, seed)
        assert_equal(backend.infer(image, color_order, True), reference.infer(image, color_order, True))
        assert backend.infer(image, color_order).confidence is None
    assert (backend.logits(image, color_order) == reference.logits(image, color_order)).all()


def test_half_precision(fake_trt, opening, card):
    if not hasattr(fake_trt.BuilderFlag, "FP16"):
        pytest.importorskip("onnxconverter_common", reason="makes the FP16 ONNX that TensorRT 11 needs")
    backend, reference = opening(card, "auto"), Reference(card, half=True)
    assert backend.precision == "fp16"
    assert {backend._network.input.dtype, backend._network.output.dtype} == {np.float16}
    image = random_image()
    agreement = (backend.infer(image, "rgb").labels == reference.infer(image, "rgb").labels).mean()
    assert agreement == 1 if hasattr(fake_trt.BuilderFlag, "FP16") else agreement > 0.97


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_it_agrees_with_the_cpu_backends(newest, opening, card, name):
    pytest.importorskip(name)
    backend, cpu = opening(card), open_backend(card, name, "fp32")
    for color_order in sorted(CHANNELS):
        image = random_image((720, 1280), color_order)
        same = backend.infer(image, color_order).labels == cpu.infer(image, color_order).labels
        assert same.mean() > 0.9999  # other libraries add in another order


def test_another_upsampling_colour_order_and_size(newest, opening, tmp_path, write_model_folder):
    changes = {"color_order": "bgr", "upsampling": "align_corners", "temperature": 1.8}
    bgr = ModelCard.load(write_model_folder(tmp_path / "bgr", tiny_onnx(seed=3), **changes))
    backend, reference = opening(bgr, input_size=(104, 56)), Reference(bgr, (104, 56))
    assert backend.input_size == (104, 56)
    for color_order in ("rgb", "bgra", "uyvy"):
        image = random_image((57, 62), color_order)
        assert_equal(backend.infer(image, color_order, True), reference.infer(image, color_order, True))


@pytest.mark.parametrize("alpha, masks, least", [(0.5, (3, 0), 0.0), (0.3, (10,), 0.2), (None, (1,), 0.5),
                                                 (1.0, (), 0.9)])
def test_pictures_are_those_that_the_node_draws(newest, opening, card, alpha, masks, least):
    backend, image = opening(card), random_image()
    plain = backend.infer(image, "rgb", True)
    drawn = backend.infer(image, "rgb", True, Drawing(masks, alpha, least))
    assert (drawn.labels == plain.labels).all() and (drawn.confidence == plain.confidence).all()
    sure = unlabel_unsure(plain.labels, plain.confidence, least)
    if masks:
        assert (drawn.masks == np.where(sure == np.array(masks)[:, None, None], 255, 0)).all()
    else:
        assert drawn.masks is None
    if alpha is None:
        assert drawn.overlay is None
    else:
        assert (drawn.overlay == overlay(image, sure, card.label_space, alpha)).all()


def test_the_overlay_has_the_palette_that_is_asked_for(newest, opening, card):
    backend, image = opening(card), random_image()
    for space in (card.label_space, for_display(card.label_space)):
        drawn = backend.infer(image, "rgb", True, Drawing((), 0.5, palette=space.palette_lut()))
        assert (drawn.overlay == overlay(image, drawn.labels, space, 0.5)).all()


def test_a_padded_read_only_view_is_taken_as_it_is(newest, opening, card):
    rows = np.frombuffer(random_image((64, 100)).tobytes(), np.uint8).reshape(64, 300)[:, :288]
    view = np.lib.stride_tricks.as_strided(rows, (64, 96, 3), (300, 3, 1), writeable=False)
    backend = opening(card)
    for image in (view, view[::-1], view[:, ::-1]):
        assert (backend.infer(image, "rgb").labels == backend.infer(image.copy(), "rgb").labels).all()


@pytest.mark.parametrize("name, capability, pinned", [
    ("NVIDIA Tegra X2", (6, 2), False), ("NVIDIA Tegra Xavier", (7, 2), True), ("Orin", (8, 7), True)])
def test_a_jetson_whose_cpu_does_not_cache_pinned_memory_has_none(
        newest, opening, card, fake_driver, name, capability, pinned):
    fake_driver._gpu, fake_driver.integrated = (name, capability, 1), True
    backend, drawing = opening(card), Drawing((3, 0), 0.5)
    for color_order in sorted(CHANNELS):
        image = random_image((90, 140), color_order)
        expected = Reference(card).infer(image, color_order, True)
        for view in (image, np.concatenate([image, image], 1)[:, :140]):
            found = backend.infer(view, color_order, True, drawing)
            assert_equal(found, expected)
            assert (found.masks == 255 * (found.labels == np.array([[[3]], [[0]]]))).all()
            assert found.overlay.any()
    taken = backend.allocations
    backend.infer(random_image((90, 140)), "rgb")
    assert backend.allocations == taken and bool(fake_driver.pinned) == pinned


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_large_images_are_uploaded_in_parts(newest, opening, card, monkeypatch, threads):
    monkeypatch.setattr(device, "_COPIERS", threads)
    backend, image = opening(card), random_image((1100, 1200))
    copies, copy = [], backend._device.driver.memcpy_htod_async
    monkeypatch.setattr(backend._device.driver, "memcpy_htod_async",
                        lambda dest, src, stream: (copies.append(src.nbytes), copy(dest, src, stream)))
    assert_equal(backend.infer(image, "rgb"), Reference(card).infer(image, "rgb"))
    assert sum(copies) == image.size and len(copies) == threads and max(copies) - min(copies) <= 3600
    copies.clear()
    backend.infer(random_image((200, 300)), "rgb")  # no thread for so little
    assert len(copies) == 1


def test_nothing_is_allocated_for_a_frame(fake_trt, opening, card, fake_driver):
    backend, drawing = opening(card), Drawing((1, 2), 0.5)
    backend.infer(random_image((90, 140)), "rgb", True, drawing)
    taken, counted = fake_driver.allocations, backend.allocations
    for size in SIZES[:2] + [(90, 140)] * 3:
        backend.infer(random_image(size), "rgb", True, drawing)
        backend.infer(random_image(size), "rgb")
    assert (fake_driver.allocations, backend.allocations) == (taken, counted)
    backend.infer(random_image((91, 140)), "rgb")
    assert backend.allocations > counted


def test_results_belong_to_the_caller(newest, opening, card):
    backend, drawing = opening(card), Drawing((1,), 0.5)
    first = backend.infer(random_image(seed=1), "rgb", True, drawing)
    results = (first.labels, first.confidence, first.masks, first.overlay)
    kept = [array.copy() for array in results]
    backend.infer(random_image(seed=2), "rgb", True, drawing)
    assert all((a == b).all() for a, b in zip(kept, results))


def test_stages_are_timed(newest, opening, card):
    timings = opening(card).infer(random_image(), "rgb").timings
    assert set(timings) == {"preprocess_ms", "network_ms", "postprocess_ms"}
    assert all(value > 0 for value in timings.values())


def test_calls_from_other_threads(newest, opening, card, fake_driver):
    backend, reference = opening(card), Reference(card)
    images = [random_image(seed=seed) for seed in range(4)]
    expected = [reference.infer(image, "rgb").labels for image in images]
    wrong = []

    def work(index):
        labels = [backend.infer(images[index], "rgb").labels for _ in range(10)]
        wrong.extend(index for found in labels if (found != expected[index]).any())
        if index == 3:
            backend.close()  # waits for whoever is inside
            assert fake_driver._thread.left_behind == 0 and not fake_driver.context_stack

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    closing = threading.Thread(target=work, args=(3,))
    closing.start()
    closing.join()
    assert not wrong and fake_driver.retained == 0 and not fake_driver.live


def test_closed_is_closed(newest, opening, card):
    closed = opening(card)
    closed.close()
    closed.close()
    for call in (closed.infer, closed.logits):
        with pytest.raises(RuntimeError, match="has been closed; open the model again"):
            call(random_image(), "rgb")


@pytest.mark.parametrize("shape", [(1, 11_200_000, 3), (16_800_000, 1, 3)])
def test_an_image_longer_than_32_bits_can_count_is_refused(newest, opening, card, shape):
    backend = opening(card)
    for call in (backend.infer, backend.logits):
        with pytest.raises(InputError, match="longer than the GPU's kernels count"):
            call(np.zeros(shape, np.uint8), "rgb")


def test_a_context_that_is_lost_is_left_with_a_line(newest, opening, card, monkeypatch, caplog):
    backend = opening(card)
    context = backend._device._context

    def lost():
        raise LogicError("cuCtxDetach failed: the GPU is lost")

    with monkeypatch.context() as patched:
        patched.setattr(context, "detach", lost)
        backend.close()
    assert "is not released: cuCtxDetach failed" in caplog.text
    context.detach()


def test_it_says_what_it_is(fake_trt, opening, card):
    backend = opening(card)
    assert (backend.name, backend.device, backend.precision) == ("tensorrt", "NVIDIA Fake", "fp32")
    assert backend.version == fake_trt.__version__ and backend.input_size == (96, 64) and backend.packed_yuv


def test_the_network_runs_as_a_graph(fake_trt, opening, card):
    backend = opening(card)
    launches = backend._network._io._context.enqueued
    backend.infer(random_image(), "rgb")
    assert backend._network._graph and backend._network._io._context.enqueued == launches


@pytest.mark.parametrize("missing", ["cuStreamBeginCapture_v2", "cuStreamEndCapture",
                                     "cuGraphInstantiateWithFlags"])
def test_a_driver_without_graphs(newest, opening, card, monkeypatch, caplog, fake_driver, missing):
    if missing == "cuStreamEndCapture":  # it is there, and refuses
        monkeypatch.setattr(FakeLibcuda, "cuStreamEndCapture", _end_capture_badly)
    else:
        monkeypatch.delattr(FakeLibcuda, missing)
    with caplog.at_level(logging.INFO):
        backend = opening(card)
    assert not backend._network._graph
    assert "the network runs without a CUDA graph, kernel by kernel" in caplog.text
    assert_equal(backend.infer(random_image(), "rgb"), Reference(card).infer(random_image(), "rgb"))


def _end_capture_badly(library, stream, captured):
    library.driver.streams[stream.value].captured = None
    return 901


def test_a_network_that_cannot_be_captured(newest, opening, card, monkeypatch, fake_driver):
    context = newest.IExecutionContext
    run = context.execute_async_v3
    monkeypatch.setattr(context, "execute_async_v3", lambda self, stream: (
        run(self, stream) and fake_driver.streams[stream].captured is None))
    backend = opening(card)
    assert not backend._network._graph and not fake_driver.graphs
    assert_equal(backend.infer(random_image(), "rgb"), Reference(card).infer(random_image(), "rgb"))


@pytest.mark.parametrize("of_the_stream", [True, False])
def test_a_network_whose_calls_spoil_the_capture(
        newest, opening, card, monkeypatch, fake_driver, of_the_stream):
    run = newest.IExecutionContext.execute_async_v3

    def run_and_ask(context, handle):
        run(context, handle)
        with contextlib.suppress(LogicError):  # as a library may: the capture is lost all the same
            fake_driver.streams[handle].is_done() if of_the_stream else fake_driver.Context.synchronize()
        return True

    monkeypatch.setattr(newest.IExecutionContext, "execute_async_v3", run_and_ask)
    backend = opening(card)
    assert not backend._network._graph and not fake_driver.graphs
    assert_equal(backend.infer(random_image(), "rgb"), Reference(card).infer(random_image(), "rgb"))


def test_the_older_drivers_graphs(newest, opening, card, monkeypatch):
    newer = FakeLibcuda.cuGraphInstantiateWithFlags
    monkeypatch.setattr(FakeLibcuda, "cuGraphInstantiate", lambda library, target, captured, node, log, size:
                        newer(library, target, captured, 0), raising=False)
    monkeypatch.delattr(FakeLibcuda, "cuGraphInstantiateWithFlags")
    assert opening(card)._network._graph


def test_auto_opens_it_and_a_cpu_takes_over(newest, opening, card, fake_driver, monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(candidates, "check_driver", lambda: None)
    for name in ("tensorrt", "auto"):
        backend = open_backend(card, name, "fp32", engine_cache=str(tmp_path / "engines"), fallback="cpu")
        assert backend.name == "tensorrt"
        expected = backend.infer(random_image(), "rgb").labels
        fake_driver.failures["launch"] = LaunchError("cuLaunchKernel failed: GPU is lost")
        found = backend.infer(random_image(), "rgb").labels
        assert backend.name != "tensorrt" and "GPU failed: NVIDIA Fake: cuLaunch" in backend.failure
        assert (found == expected).mean() > 0.999 and fake_driver.retained == 0 and not fake_driver.live
        fake_driver.failures.clear()
        backend.close()


@pytest.mark.parametrize("folder", ["/dev/null", "/dev/null/engines"])
def test_auto_keeps_a_gpu_whose_engine_cannot_be_kept(
        newest, opening, card, monkeypatch, fake_driver, host_module, caplog, folder):
    monkeypatch.setattr(candidates, "check_driver", lambda: None)
    backend = open_backend(card, "auto", "fp32", engine_cache=folder)
    assert backend.name == "tensorrt" and caplog.text.count("engine cache /dev/null") == 1
    assert_equal(backend.infer(random_image(), "rgb"), Reference(card).infer(random_image(), "rgb"))
    backend.close()


def test_pinned_memory_is_freed_while_there_is_a_context(newest, opening, card, fake_driver, monkeypatch):
    left, detach = [], fake_pycuda.Context.detach
    monkeypatch.setattr(fake_pycuda.Context, "detach", lambda context: (
        left.append(len(fake_driver.pinned)), detach(context)))
    backend = FallbackBackend(opening(card), lambda: Reference(card))
    backend.infer(random_image(), "rgb")
    fake_driver.failures["memcpy_htod_async"] = LaunchError("GPU is lost")  # while it looks at that memory
    backend.infer(random_image(), "rgb")
    assert backend.name == "reference" and left == [0]


def test_the_engine_is_built_once(fake_trt, opening, card):
    opening(card)
    assert len(fake_trt.builds) == 1
    opening(card)
    assert len(fake_trt.builds) == 1


@pytest.mark.parametrize("spoil", [lambda plan: b"", lambda plan: plan[:-5], lambda plan: b"no engine" * 20])
def test_a_broken_engine_is_built_again_with_one_warning(newest, opening, card, tmp_path, caplog, spoil):
    opening(card).close()
    path, = (tmp_path / "engines").glob("*.engine")
    path.write_bytes(spoil(path.read_bytes()))
    backend = opening(card)
    assert len(newest.builds) == 2
    said = [record.levelname for record in caplog.records if "built again" in record.getMessage()]
    assert said == ["WARNING"]
    assert_equal(backend.infer(random_image(), "rgb"), Reference(card).infer(random_image(), "rgb"))


def test_an_engine_that_tensorrt_does_not_take_is_built_again(newest, opening, card, caplog):
    opening(card).close()

    def refuse_the_first(runtime, plan):
        if len(newest.builds) == 1:
            return runtime.error("The engine plan file is generated on an incompatible device.")
        return taken(runtime, plan)

    taken = newest.Runtime.deserialize_cuda_engine
    newest.Runtime.deserialize_cuda_engine = refuse_the_first
    opening(card)
    assert len(newest.builds) == 2 and "incompatible device" in caplog.text


def test_an_engine_for_which_memory_is_short_is_kept(newest, opening, card, tmp_path, monkeypatch):
    opening(card).close()
    path, = (tmp_path / "engines").glob("*.engine")
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(newest.Runtime, "deserialize_cuda_engine", lambda runtime, plan: runtime.error(
            "Requested amount of GPU memory (31457280 bytes) could not be allocated."))
        with pytest.raises(BackendUnavailable, match="amount of GPU memory"):
            opening(card)
    assert len(newest.builds) == 1 and path.read_bytes() == before
    opening(card)
    assert len(newest.builds) == 1


def test_logits_that_overflow_are_an_error(newest, opening, tmp_path, write_model_folder):
    backend = opening(ModelCard.load(write_model_folder(tmp_path / "huge", tiny_onnx(scale=1e12))))
    with pytest.raises(InferenceError, match="not finite") as caught:
        backend.infer(random_image(), "rgb")
    assert not isinstance(caught.value, DeviceError)


@pytest.mark.parametrize("call, error", [
    ("memcpy_htod_async", LaunchError("cuMemcpyHtoDAsync failed: unspecified launch failure")),
    ("launch", LaunchError("cuLaunchKernel failed: an illegal memory access was encountered")),
    ("Event.query", LogicError("cuEventQuery failed: GPU is lost")),
    ("pagelocked_empty", CudaMemoryError("cuMemHostAlloc failed: out of memory")),
    ("mem_alloc", CudaMemoryError("cuMemAlloc failed: out of memory")),
    ("Context.push", LogicError("cuCtxPushCurrent failed: GPU is lost"))])
def test_a_device_that_fails_mid_drive(newest, opening, card, fake_driver, call, error):
    backend = opening(card)
    fake_driver.failures.update({call: error, "Device.name": LogicError("cuDeviceGetName failed: lost")})
    with pytest.raises(DeviceError, match="NVIDIA Fake: cu.* failed"):
        backend.infer(random_image(), "rgb")
    del fake_driver.failures[call]
    assert_equal(backend.infer(random_image(), "rgb"), Reference(card).infer(random_image(), "rgb"))


def hang(fake_driver, monkeypatch):
    """From now on the GPU answers nothing, and patience is short."""
    fake_driver.hung = True
    monkeypatch.setattr(device, "_NAP_S", 0.0)
    clock = itertools.count()
    monkeypatch.setattr(device.time, "monotonic", lambda: float(next(clock)))


def test_a_gpu_that_hangs_is_given_up_by_all_of_the_process(newest, opening, card, fake_driver, monkeypatch):
    backend, other = opening(card), opening(card)
    backend.infer(random_image(), "rgb")
    hang(fake_driver, monkeypatch)
    for one in (backend, other, backend):  # the second and third without a wait
        with pytest.raises(DeviceError, match=r"Fake has not answered for \d+\.\d s.*restart the process"):
            one.infer(random_image(), "rgb")
        with pytest.raises(DeviceError, match="has not answered"):
            one.logits(random_image(), "rgb")
    monkeypatch.setattr(candidates, "DRIVER", "libc.so.6")
    for attempt in (lambda: opening(card), candidates.check_driver):
        with pytest.raises(BackendUnavailable, match="has not answered"):
            attempt()
    backend.close()


def test_nothing_of_a_gpu_that_hangs_is_freed(newest, card, fake_driver, monkeypatch, opening):
    backend = opening(card)
    hang(fake_driver, monkeypatch)
    with pytest.raises(DeviceError):
        backend.infer(random_image(), "rgb", True, Drawing((1,), 0.5))  # which takes memory first
    held = [weakref.ref(one)
            for one in (backend, backend._network, backend._stream, backend._device._context)]
    backend.close()
    opening.forget()
    del backend
    gc.collect()
    assert all(one() is not None for one in held)


def test_a_gpu_that_hangs_behind_a_failed_call_is_left_by_close(
        newest, opening, card, fake_driver, monkeypatch, caplog):
    backend = opening(card)
    fake_driver.failures["Event.record"] = LogicError("cuEventRecord failed: invalid argument")
    with pytest.raises(DeviceError):
        backend.infer(random_image(), "rgb")
    fake_driver.failures.clear()
    backend._stream.put(lambda: None)  # what had been launched before it
    hang(fake_driver, monkeypatch)
    backend.close()
    assert "nothing is freed: NVIDIA Fake has not answered" in caplog.text


def test_a_gpu_that_hangs_leaves_the_drive_to_the_cpu(newest, opening, card, fake_driver, monkeypatch):
    backend = FallbackBackend(opening(card), lambda: Reference(card))
    image = random_image()
    expected = backend.infer(image, "rgb")
    hang(fake_driver, monkeypatch)
    assert_equal(backend.infer(image, "rgb"), expected)
    assert backend.name == "reference" and "has not answered" in backend.failure
    backend.close()


def test_a_process_that_was_stopped_finds_no_hung_gpu(fake_driver, monkeypatch):
    one = device.CudaDevice(fake_driver)
    fake_driver.init()
    monkeypatch.setattr(device.time, "monotonic", itertools.count(0, 100).__next__)
    answers = itertools.chain([False], itertools.repeat(True))
    one.wait(lambda: next(answers), 5.0)
    assert not device.CudaDevice.hung
    one.close()


def test_a_first_run_that_hangs_is_no_backend(newest, opening, card, fake_driver, monkeypatch):
    hang(fake_driver, monkeypatch)
    with pytest.raises(BackendUnavailable, match="does not work: NVIDIA Fake has not answered"):
        opening(card)


def test_what_goes_wrong_in_a_kernel_is_told_by_the_wait_and_all_calls_behind_it(
        newest, opening, card, fake_driver):
    backend = opening(card)
    fake_driver.fault = LaunchError("an illegal memory access was encountered")
    for _ in range(2):
        with pytest.raises(DeviceError, match="NVIDIA Fake: .* failed: an illegal memory access"):
            backend.infer(random_image(), "rgb")
    backend.close()
    assert not fake_driver.live and fake_driver.retained == 0
    opening(card).infer(random_image(), "rgb")  # in a new context


def test_what_other_threads_drop_does_not_leak(newest, opening, card, fake_driver):
    backend = opening(card)
    for size in ((64, 96), (96, 128)):  # the second makes the buffers grow
        thread = threading.Thread(target=backend.infer, args=(random_image(size), "rgb"))
        thread.start()
        thread.join()
    thread = threading.Thread(target=backend.close)
    thread.start()
    thread.join()
    assert not fake_driver.leaks and not fake_driver.live


def test_a_network_that_fails_mid_drive(fake_trt, opening, card, monkeypatch):
    monkeypatch.delattr(FakeLibcuda, "cuStreamBeginCapture_v2")
    backend = opening(card)
    fake_trt.failures.add("enqueue")
    with pytest.raises(DeviceError, match="TensorRT refused to run the network"):
        backend.infer(random_image(), "rgb")


def test_a_graph_that_fails_mid_drive(newest, opening, card, monkeypatch):
    backend = opening(card)
    monkeypatch.setattr(FakeLibcuda, "cuGraphLaunch", lambda *arguments: 719)
    with pytest.raises(DeviceError, match="cuGraphLaunch failed with CUDA error 719"):
        backend.infer(random_image(), "rgb")


@pytest.mark.parametrize("call, error, message", [
    ("init", LogicError("cuInit failed: unknown"), "the GPU cannot be used: cuInit failed: unknown"),
    ("retain_primary_context", CudaMemoryError("out of memory"), "the GPU cannot be used: out of memory"),
    ("mem_alloc", CudaMemoryError("cuMemAlloc failed"), "NVIDIA Fake does not work: cuMemAlloc"),
    ("module_from_buffer", LogicError("image is invalid"), "does not work: image is invalid")])
def test_a_gpu_that_cannot_be_had(newest, opening, card, fake_driver, call, error, message):
    fake_driver.failures[call] = error
    with pytest.raises(BackendUnavailable, match=message):
        opening(card)
    assert fake_driver.retained == 0 and not fake_driver.live and not fake_driver.context_stack


@pytest.mark.parametrize("pieces", range(5))
def test_memory_that_runs_out_while_it_opens(newest, opening, card, fake_driver, monkeypatch, pieces):
    allocate, left = fake_driver.mem_alloc, [None] * pieces

    def run_out(nbytes):
        if not left:
            raise CudaMemoryError("cuMemAlloc failed: out of memory")
        left.pop()
        return allocate(nbytes)

    monkeypatch.setattr(fake_driver, "mem_alloc", run_out)
    try:
        opening(card).close()
        assert pieces >= 4  # the network's two, the tables, the palette
    except BackendUnavailable:
        assert pieces < 4
    assert not fake_driver.live and fake_driver.retained == 0


def test_a_tensorrt_that_does_not_work(fake_trt, opening, card, fake_driver, monkeypatch):
    def raising(log):
        raise TypeError("pybind11::init(): factory function returned nullptr")

    runtime = fake_trt.Runtime
    fake_trt.Runtime = raising
    with pytest.raises(InputError, match="finds no usable GPU: pybind11"):
        opening(card)
    fake_trt.Runtime = runtime
    fake_trt.failures.add("create_execution_context")
    with pytest.raises(BackendUnavailable, match="NVIDIA Fake does not work: .*no execution context"):
        opening(card)
    assert fake_driver.retained == 0 and not fake_driver.live


def test_a_driver_older_than_tensorrts_cuda_names_the_wheel(fake_trt, opening, card):
    opening(card).close()
    for built in (True, False):  # the engine is there, and is not
        fake_trt.cuda_status = 35
        with pytest.raises(BackendUnavailable, match=r"error: 35; the driver is older .*\[gpu-cu12\]"):
            opening(card, "fp32", (96, 64) if built else (128, 64))


def test_no_gpu_and_no_pycuda(newest, opening, card, fake_driver, monkeypatch):
    fake_driver._gpu = ("none", (0, 0), 0)
    with pytest.raises(BackendUnavailable, match="finds no GPU"):
        opening(card)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(BackendUnavailable, match="pycuda does not import"):
        opening(card)


def test_precisions_are_those_that_the_gpu_is_fast_in(newest, opening, card, fake_driver):
    fake_driver._gpu = ("GTX 1080 Ti", (6, 1), 1)
    assert opening(card, "auto").precision == "fp32"
    with pytest.raises(InputError, match="precision 'fp16' is not available with tensorrt on GTX 1080 Ti"):
        opening(card, "fp16")
    with pytest.raises(InputError, match="QuantizeLinear"):
        opening(card, "int8")
