"""Sections kernels, memcheck, racecheck and postprocess: our own kernels, without TensorRT."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from bisenet_core.benchmarks.segmenter_speed import street
from bisenet_core.errors import InputError, ParityError
from bisenet_core.files import user_cache
from bisenet_core.runtime.cuda.compiler import compile_kernels
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.cuda.kernels import FrameKernels
from bisenet_core.runtime.cuda.libcuda import CudaGraph
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.postprocessing import labels_from_logits
from bisenet_core.runtime.preprocessing import fit_image, normalisation_tables, normalise
from gpu.engine_sections import open_device
from gpu.kit import Subject
from gpu.section import Settings, Size, Step, size_text, write_request

#: More than any GPU's second-level cache, so that every byte comes from and goes to memory.
_BEYOND_CACHES = 256 << 20
_LAUNCHES = 10
_TABLES = normalisation_tables((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
#: The sanitizer makes kernels some hundred times slower.
_SANITIZED = ((322, 181),)


def measure_agreement(step: Step, settings: Settings) -> dict[str, Any]:
    """Camera size -> whether network input and labels are the CPU's, for the first two sizes.

    Raises ParityError where they are not.
    """
    card = _card_of(step, settings)
    with open_device() as device:
        kernels = _kernels(device)
        found = {size_text(one): _agreement(device, kernels, card, one) for one in settings.cameras[:2]}
    if not all(all(equal.values()) for equal in found.values()):
        raise ParityError(f"the kernels do not give what the CPU gives: {found}")
    return found


def _card_of(step: Step, settings: Settings) -> ModelCard:
    if settings.is_stand_in:
        raise InputError(f"{settings.backend} stands in for TensorRT, and has no kernels")
    return Subject(settings.kit / step.subject).card


def _kernels(device: CudaDevice) -> FrameKernels:
    image = compile_kernels(device.compute_capability, user_cache("engines") / "kernels")
    return FrameKernels(device.load_module(image))


def _agreement(device: CudaDevice, kernels: FrameKernels, card: ModelCard, camera: Size) -> dict[str, bool]:
    image, logits, size = street(camera), _logits_like(card), (card.input_width, card.input_height)
    fitted, expected = np.empty((*size[::-1], 3), np.uint8), np.empty((1, 3, *size[::-1]), np.float32)
    fit_image(image, "rgb", "rgb", fitted)
    normalise(fitted, _TABLES, expected)
    labels = labels_from_logits(logits.astype(np.float32), size, camera, False, card.upsampling)[0]
    found, found_labels = np.empty(expected.shape, np.float16), np.empty_like(labels)
    arrays = (image, _TABLES, logits, found, found_labels)
    memory = [device.allocate(array.nbytes) for array in arrays]
    for place, array in zip(memory[:3], arrays):
        device.driver.memcpy_htod(place, array)
    device.driver.Context.synchronize()  # pageable memory, and a stream that does not wait for the rest
    source, tables, scores, target, label_place = map(int, memory)
    stream, (_, classes, rows, columns) = device.stream(), logits.shape
    kernels.preprocess(stream, source, *camera, 3 * camera[0], "rgb", target, *size, True, tables)
    kernels.postprocess(
        stream, scores, True, classes, columns, rows, *size, *camera, label_place, upsampling=card.upsampling
    )
    stream.synchronize()
    device.driver.memcpy_dtoh(found, memory[3])
    device.driver.memcpy_dtoh(found_labels, memory[4])
    for place in memory:
        place.free()
    return {
        "input": bool((found == expected.astype(np.float16)).all()),
        "labels": bool((found_labels == labels).all()),
    }


def _logits_like(card: ModelCard) -> np.ndarray:
    """Float16 logits as a trained network gives them: regions of one clear winner each."""
    classes, rows, columns = card.label_space.num_classes, card.input_height // 8, card.input_width // 8
    generator = np.random.default_rng(0)
    winner = generator.integers(0, classes, (-(-rows // 8), -(-columns // 10))).repeat(8, 0).repeat(10, 1)
    is_winner = np.arange(classes)[:, None, None] == winner[:rows, :columns]
    return (generator.standard_normal((1, classes, rows, columns)) + 8 * is_winner).astype(np.float16)


def measure_sanitizer(step: Step, settings: Settings) -> dict[str, Any]:
    """What compute-sanitizer's tool, the section's name, says of section kernels at a small camera's size."""
    places = [os.environ.get("PATH", ""), "/usr/local/cuda/bin", "/usr/local/cuda/compute-sanitizer"]
    program = shutil.which("compute-sanitizer", path=os.pathsep.join(places))
    if not program:
        raise InputError("compute-sanitizer is not installed here; it comes with the CUDA toolkit")
    inner = step._replace(section="kernels")
    files = write_request(inner, replace(settings, cameras=_SANITIZED), f"{step}.inner")
    done = subprocess.run(
        [program, "--tool", step.section, "--error-exitcode", "99", sys.executable, "-m",
         "gpu.section", *files],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    print(done.stdout)
    said = [line.strip("= ") for line in done.stdout.splitlines() if "SUMMARY" in line]
    if done.returncode or not said:
        raise RuntimeError(f"{step.section} ended with status {done.returncode}: {said or 'no summary'}")
    return {"summary": said[-1]}


def measure_postprocess(step: Step, settings: Settings) -> dict[str, Any]:
    """Microseconds of the kernel that turns logits into labels of the largest camera's size.

    ``floor_us``: the logits read and the labels written once, at the bandwidth of a large copy on this GPU.
    """
    card = _card_of(step, settings)
    camera = max(settings.cameras, key=lambda size: size[0] * size[1])
    logits, labels = _logits_like(card), camera[0] * camera[1]
    nbytes, (_, classes, rows, columns) = logits.nbytes + labels, logits.shape
    size = (card.input_width, card.input_height)
    with open_device() as device:
        kernels, stream = _kernels(device), device.stream()

        def kernel(source: Any, target: Any) -> None:
            kernels.postprocess(
                stream, int(source), True, classes, columns, rows, *size, *camera, int(target)
            )

        sets = [
            tuple(map(device.allocate, (logits.nbytes, labels))) for _ in range(-(-_BEYOND_CACHES // nbytes))
        ]
        for source, _ in sets:
            device.driver.memcpy_htod(source, logits)
        device.driver.Context.synchronize()
        kernel_us = microseconds_each(device, stream, [partial(kernel, *pair) for pair in sets])
        for memory in chain(*sets):
            memory.free()
        bandwidth = copy_bandwidth(device)
    return figures(camera, nbytes, bandwidth, kernel_us)


def figures(camera: Size, nbytes: int, bandwidth: float, kernel_us: float) -> dict[str, Any]:
    """The section's figures; ``nbytes`` the kernel must move, ``bandwidth`` in bytes/s."""
    floor = 1e6 * nbytes / bandwidth
    return {
        "camera": size_text(camera), "bytes": nbytes, "bandwidth": bandwidth, "floor_us": floor,
        "kernel_us": kernel_us, "over_floor": kernel_us / floor,
    }  # fmt: skip


def copy_bandwidth(device: CudaDevice) -> float:
    """Bytes/s that a large copy on the GPU reads and writes together."""
    source, target = device.allocate(_BEYOND_CACHES), device.allocate(_BEYOND_CACHES)
    stream = device.stream()
    work = [lambda: device.driver.memcpy_dtod_async(target, source, _BEYOND_CACHES, stream)]
    microseconds = microseconds_each(device, stream, work)
    source.free()
    target.free()
    return 2e6 * _BEYOND_CACHES / microseconds


def microseconds_each(device: CudaDevice, stream: Any, works: Sequence[Callable[[], None]]) -> float:
    """Of one of ``works``, on the GPU's clock; all in one graph: Python launches slower than they run."""

    def all_of_it() -> None:
        for work in works:
            work()

    works[0]()  # a kernel's first launch may load it, which a capture does not allow
    graph = CudaGraph(stream, all_of_it)
    start, end = device.event(), device.event()
    graph.launch(stream)  # the first also uploads the graph
    start.record(stream)
    for _ in range(_LAUNCHES):
        graph.launch(stream)
    end.record(stream)
    end.synchronize()
    graph.close()
    return 1e3 * end.time_since(start) / (_LAUNCHES * len(works))
