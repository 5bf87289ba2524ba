"""A GPU that fails in mid-drive, and the CPU that takes over; fakes alone, so that Python 3.6 runs it too."""

import logging
import threading

import numpy as np
import pytest

from bisenet_core.errors import DeviceError, InferenceError, InputError
from bisenet_core.runtime import candidates, opening
from bisenet_core.runtime.backend import Drawing, InferenceBackend, Segmentation
from bisenet_core.runtime.candidates import Absent
from bisenet_core.runtime.fallback import FallbackBackend
from bisenet_core.runtime.opening import open_backend

IMAGE = np.zeros((4, 6, 3), np.uint8)


class Fake(InferenceBackend):
    """A backend that labels everything with its own number, and raises ``error`` where it is set."""

    version, input_size = "1", (96, 64)

    def __init__(self, name, number, device, precision, packed_yuv=False):
        self.name, self.number, self.packed_yuv = name, number, packed_yuv
        self._device, self._precision = device, precision
        self.error, self.closed, self.asked = None, 0, []
        self.reason = "auto: the first choice"

    @property
    def device(self):
        return self._device

    @property
    def precision(self):
        return self._precision

    def infer(self, image, color_order, with_confidence=False, drawing=None):
        self.asked.append((color_order, with_confidence, drawing))
        self._fail()
        return Segmentation(np.full(image.shape[:2], self.number, np.uint8), None, {})

    def logits(self, image, color_order):
        self._fail()
        return np.full((1, 2, 1, 1), self.number, np.float32)

    def close(self):
        self.closed += 1

    def _fail(self):
        if self.closed:
            raise RuntimeError("has been closed")
        if self.error:
            raise self.error


@pytest.fixture
def gpu():
    return Fake("tensorrt", 1, "A GPU", "fp16", packed_yuv=True)


@pytest.fixture
def cpu():
    return Fake("openvino", 2, "A CPU", "bf16")


def _state(one):
    return one.name, one.device, one.precision, one.packed_yuv, one.reason, one.failure


def test_as_long_as_the_gpu_works_it_answers(gpu, cpu):
    one = FallbackBackend(gpu, lambda: cpu)
    drawing = Drawing(masks=(1,))
    assert (one.infer(IMAGE, "uyvy", True, drawing).labels == 1).all() and one.logits(IMAGE, "rgb")[0, 0] == 1
    assert gpu.asked == [("uyvy", True, drawing)]
    assert _state(one) == ("tensorrt", "A GPU", "fp16", True, "auto: the first choice", "")
    assert (one.version, one.input_size) == ("1", (96, 64))
    one.close()
    assert gpu.closed and not cpu.closed


@pytest.mark.parametrize("ask", [lambda one: one.infer(IMAGE, "bgr", True).labels,
                                 lambda one: one.logits(IMAGE, "bgr")])
def test_the_image_the_gpu_failed_on_is_the_cpus(gpu, cpu, caplog, ask):
    opened = []
    one = FallbackBackend(gpu, lambda: opened.append(gpu.closed) or cpu)
    gpu.error = DeviceError("out of memory")
    for _ in range(3):
        assert (ask(one) == 2).all()
    assert opened == [1]  # once, and with the GPU freed before
    assert _state(one) == (
        "openvino", "A CPU", "bf16", False, "fallback: tensorrt on A GPU failed: out of memory",
        "GPU failed: out of memory; running on the CPU")
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["tensorrt on A GPU failed, and the CPU takes over: out of memory"]
    one.close()
    assert cpu.closed


def test_other_failures_are_not_the_devices(gpu, cpu):
    one = FallbackBackend(gpu, lambda: cpu)
    gpu.error = InferenceError("not finite")
    with pytest.raises(InferenceError, match="not finite"):
        one.infer(IMAGE, "rgb")
    assert not one.failure and not gpu.closed


def test_a_gpu_that_cannot_even_be_freed_is_left_behind(gpu, cpu, caplog):
    def close():
        raise RuntimeError("device lost")

    gpu.error, gpu.close = DeviceError("lost"), close
    one = FallbackBackend(gpu, lambda: cpu)
    assert (one.infer(IMAGE, "rgb").labels == 2).all()
    assert "could not be freed: device lost" in caplog.text


def test_a_cpu_that_does_not_open_is_tried_again(gpu, cpu):
    attempts = []

    def open_cpu():
        attempts.append(1)
        if len(attempts) == 1:
            raise InputError("no memory for it")
        return cpu

    gpu.error = DeviceError("lost")
    one = FallbackBackend(gpu, open_cpu)
    with pytest.raises(InputError, match="no memory for it"):
        one.infer(IMAGE, "rgb")
    assert one.failure == "GPU failed: lost; running on the CPU" and gpu.closed
    assert (one.infer(IMAGE, "rgb").labels == 2).all()


def test_closed_is_closed(gpu, cpu):
    one = FallbackBackend(gpu, lambda: cpu)
    one.close()
    one.close()
    with pytest.raises(RuntimeError, match="has been closed"):
        one.infer(IMAGE, "rgb")


def test_threads_open_one_cpu(gpu, cpu):
    opened, labels = [], []
    gpu.error = DeviceError("lost")
    one = FallbackBackend(gpu, lambda: opened.append(1) or cpu)
    threads = [threading.Thread(target=lambda: labels.append(one.infer(IMAGE, "rgb").labels[0, 0]))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (opened, labels) == ([1], 8 * [2])


@pytest.fixture
def open_fake(monkeypatch, make_card, gpu, cpu):
    """``open_fake(**options)``: open_backend on fakes; what they were given is in ``given``."""
    given = []

    def open_it(missing=(), **options):
        def import_backend(name):
            if name in missing:
                raise Absent(name + " is not installed", name + " is missing")
            return lambda card, precision, size, **others: given.append((name, precision, others)) or (
                gpu if name == "tensorrt" else cpu)

        monkeypatch.setattr(candidates, "check_driver", lambda: None)
        monkeypatch.setattr(opening, "_import_backend", import_backend)
        return open_backend(make_card(), **options)

    open_it.given = given
    return open_it


@pytest.mark.parametrize("precision, on_cpu", [("fp16", "auto"), ("int8", "auto"), ("fp32", "fp32")])
def test_the_cpu_gets_a_precision_that_it_may_have(open_fake, gpu, precision, on_cpu):
    one = open_fake(precision=precision, fallback="cpu", engine_cache="/cache")
    gpu.error = DeviceError("lost")
    assert (one.infer(IMAGE, "rgb").labels == 2).all()
    assert open_fake.given == [("tensorrt", precision, {"engine_cache": "/cache"}), ("openvino", on_cpu, {})]


def test_only_a_gpu_has_a_fallback(open_fake, gpu, cpu):
    assert open_fake(backend="openvino", fallback="cpu") is cpu
    assert open_fake(fallback="none") is gpu


def test_a_fallback_that_is_not_there_is_missed_at_once(open_fake, gpu):
    with pytest.raises(InputError, match="openvino is not installed; onnxruntime is not installed"):
        open_fake(missing=("openvino", "onnxruntime"), fallback="cpu")
    assert gpu.closed


def test_onnxruntime_is_told_the_device(open_fake):
    open_fake(missing=("tensorrt",))
    open_fake(backend="onnxruntime")
    assert [options for _, _, options in open_fake.given] == 2 * [{"device": "gpu"}]
