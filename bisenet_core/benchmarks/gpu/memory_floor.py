"""Section postprocess: compare the kernel's time with the time that its bytes alone take."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from bisenet_core.benchmarks.gpu.engine_sections import open_device
from bisenet_core.benchmarks.gpu.section import Settings, Size, Step, size_text
from bisenet_core.benchmarks.gpu.segmenter_sections import open_segmenter
from bisenet_core.benchmarks.segmenter_speed import street
from bisenet_core.errors import InputError
from bisenet_core.files import user_cache
from bisenet_core.runtime.cuda.compiler import compile_kernels
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.cuda.kernels import FrameKernels
from bisenet_core.runtime.cuda.libcuda import CudaGraph

#: More than any GPU's second-level cache, so that every byte comes from and goes to memory.
_BEYOND_CACHES = 256 << 20
_LAUNCHES = 10


def measure(step: Step, settings: Settings) -> dict[str, Any]:
    """Microseconds of the kernel that turns logits into labels of the largest camera's size.

    ``floor_us``: the logits read and the labels written once, at the bandwidth of a large copy on this GPU.
    ``copy_us``: a copy that moves as many bytes, with the latency that anything on a GPU has.
    """
    if settings.is_stand_in:
        raise InputError(f"{settings.backend} stands in for TensorRT, and has no kernels")
    camera = max(settings.cameras, key=lambda size: size[0] * size[1])
    with open_segmenter(step, settings) as segmenter:
        network, logits = segmenter.backend.input_size, segmenter.backend.logits(street(camera), "rgb")
    labels = camera[0] * camera[1]
    nbytes = logits.nbytes + labels
    _, classes, height, width = logits.shape
    with open_device() as device:
        image = compile_kernels(device.compute_capability, user_cache("engines") / "kernels")
        kernels, stream = FrameKernels(device.load_module(image)), device.stream()

        def kernel(source: Any, target: Any) -> None:
            kernels.postprocess(
                stream, int(source), False, classes, width, height, *network, *camera, int(target)
            )

        def copy(source: Any, target: Any) -> None:
            device.driver.memcpy_dtod_async(target, source, nbytes // 2, stream)

        sets = [
            tuple(device.allocate(max(size, nbytes // 2)) for size in (logits.nbytes, labels))
            for _ in range(-(-_BEYOND_CACHES // nbytes))
        ]
        for source, _ in sets:
            device.driver.memcpy_htod(source, logits)
        kernel_us, copy_us = (
            microseconds_each(device, stream, [partial(work, *pair) for pair in sets])
            for work in (kernel, copy)
        )
        for memory in chain(*sets):
            memory.free()
        bandwidth = copy_bandwidth(device)
    return figures(camera, nbytes, bandwidth, kernel_us, copy_us)


def figures(
    camera: Size, nbytes: int, bandwidth: float, kernel_us: float, copy_us: float
) -> dict[str, Any]:
    """The section's figures; ``nbytes`` the kernel must move, ``bandwidth`` in bytes/s."""
    floor = 1e6 * nbytes / bandwidth
    return {
        "camera": size_text(camera), "bytes": nbytes, "bandwidth": bandwidth, "floor_us": floor,
        "copy_us": copy_us, "kernel_us": kernel_us, "over_floor": kernel_us / floor,
        "over_copy": kernel_us / copy_us,
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
