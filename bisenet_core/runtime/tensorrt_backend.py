"""TensorRTBackend: the whole frame on a GPU; only 8-bit images cross the bus."""

import logging
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from bisenet_core.errors import BackendUnavailable, DeviceError, InputError
from bisenet_core.runtime.backend import Drawing, InferenceBackend, Segmentation, choose_precision
from bisenet_core.runtime.cuda.compiler import compile_kernels
from bisenet_core.runtime.cuda.device import Buffer, CudaDevice
from bisenet_core.runtime.cuda.kernels import FrameKernels
from bisenet_core.runtime.cuda.libcuda import GraphError
from bisenet_core.runtime.engine.cache import EngineCache
from bisenet_core.runtime.engine.engine_network import EngineNetwork
from bisenet_core.runtime.engine.options import EngineOptions, available_precisions
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.postprocessing import non_finite_logits
from bisenet_core.runtime.preprocessing import network_statistics, normalisation_tables

_LOGGER = logging.getLogger(__name__)

_NO_DRAWING = Drawing()
# A GPU hangs when a frame takes more seconds, and more times as long as the network's first runs.
_LEAST_LIMIT_S, _PATIENCE = 5.0, 20.0
#: What crosses the bus: from the host the image and the ids of the masks, to the host the rest.
_BUFFERS = ("image", "mask_ids", "palette", "labels", "confidence", "masks", "overlay", "status")


class TensorRTBackend(InferenceBackend):
    """Upload, pre-processing, network, post-processing and download on one stream, one wait per frame.

    Memory is taken when it is opened and when a camera's image is larger than any before. The CUDA context is
    current only during a call, so calls may come from any thread.
    """

    name = "tensorrt"
    packed_yuv = True

    def __init__(self, card: ModelCard, precision: str, input_size: Tuple[int, int],
                 engine_cache: Optional[Union[str, Path]] = None) -> None:
        """Builds the engine where the cache has none, which takes minutes; uses it where it cannot be kept.

        Raises BackendUnavailable without a usable GPU, InputError for a model or precision it does not take.
        """
        self._card, self.input_size = card, input_size
        self._closed = False
        self._kernels: Any = None
        self._stream: Any = None
        self._events: Any = None
        self._network: Any = None
        self._buffers: Any = None
        self._device = device = CudaDevice.open()
        device.keep_if_hung(self)
        with ExitStack() as failing:
            failing.callback(device.close)
            self.device = device.name
            where = "tensorrt on " + device.name
            available = available_precisions(device.compute_capability, quantised=precision == "int8")
            self.precision = choose_precision(precision, available, where)
            try:
                with device.current(), ExitStack() as opening:
                    try:
                        self._open(opening, EngineCache(engine_cache, is_optional=True))
                    except DeviceError:
                        if device.hung:  # to free anything would be to wait for ever
                            self._held = opening.pop_all()
                        raise
                    self._held = opening.pop_all()
            except (device.driver.Error, DeviceError, GraphError) as error:
                raise BackendUnavailable(f"{where} does not work: {error}") from error
            failing.pop_all()

    def _open(self, opening: ExitStack, engines: EngineCache) -> None:
        device, card = self._device, self._card
        opening.callback(self._drop_references)
        kernels = compile_kernels(device.compute_capability, engines.make_folder() / "kernels")
        self._kernels = FrameKernels(device.load_module(kernels))
        self._stream = device.stream()
        self._events = [device.event() for _ in range(4)]
        self._network = self._open_network(engines)
        opening.callback(self._network.close)
        self._buffers = {name: Buffer(device) for name in _BUFFERS}
        for buffer in self._buffers.values():
            opening.callback(buffer.close)
        tables = normalisation_tables(*network_statistics(card.mean, card.std, card.color_order))
        arrays = (tables, card.label_space.palette_lut())
        constants = [(array, Buffer(device, array.nbytes)) for array in arrays]
        for array, buffer in constants:
            opening.callback(buffer.close)
            buffer.upload(array.reshape(-1).view(np.uint8), self._stream)
        self._tables, self._palette = (buffer.pointer for _, buffer in constants)
        started = perf_counter()
        self._network.warm_up(self._stream)
        self._limit_s = max(_LEAST_LIMIT_S, _PATIENCE * (perf_counter() - started))

    def _drop_references(self) -> None:
        # what pycuda frees with its last reference, while there is a context to free it in
        self._kernels = self._stream = self._network = self._events = self._buffers = None

    def _open_network(self, engines: EngineCache) -> EngineNetwork:
        import tensorrt as trt

        self.version = trt.__version__
        opened: List[EngineNetwork] = []

        def open_plan(plan: bytes) -> Optional[str]:
            try:
                classes = self._card.label_space.num_classes
                opened.append(EngineNetwork(self._device, trt, plan, self.input_size, classes))
            except InputError as error:
                return str(error)
            return None

        options = EngineOptions(self.precision, self.input_size)
        cached = engines.get_or_build(self._card, options, self._device, trt, usable=open_plan)
        reason = None if opened else open_plan(cached.plan)
        if reason:
            raise InputError(f"the engine that was just built is of no use: {reason}")
        return opened[0]

    @property
    def allocations(self) -> int:
        """Pieces of device and pinned memory taken so far."""
        return self._device.allocations

    def infer(self, image: np.ndarray, color_order: str, with_confidence: bool = False,
              drawing: Optional[Drawing] = None) -> Segmentation:
        height, width = image.shape[:2]
        self._refuse_too_long(height, width)
        drawing = drawing or _NO_DRAWING
        wanted: Dict[str, Tuple[int, ...]] = {"labels": (height, width), "status": (4,)}
        if with_confidence:
            wanted["confidence"] = (height, width)
        if drawing.masks:
            wanted["masks"] = (len(drawing.masks), height, width)
        if drawing.overlay_alpha is not None:
            wanted["overlay"] = (height, width, 3)
        with self._in_context():
            # before the GPU works: memory is taken and freed when it has ended
            for name, shape in {**wanted, "mask_ids": (1 + len(drawing.masks),), "palette": (256, 3)}.items():
                self._buffers[name].reserve(int(np.prod(shape)))
            self._preprocess(image, color_order)
            self._run_network()
            self._postprocess(wanted, drawing, image, color_order)
            # Filled while the GPU works: that maps their pages, which costs as much as the copy.
            results = {name: np.full(shape, 0, np.uint8) for name, shape in wanted.items()}
            timings = self._stage_times()
            for name, result in results.items():
                self._buffers[name].read(result)
        if results.pop("status").any():
            raise non_finite_logits()
        return Segmentation(results["labels"], results.get("confidence"), timings, results.get("masks"),
                             results.get("overlay"))

    def logits(self, image: np.ndarray, color_order: str) -> np.ndarray:
        self._refuse_too_long(*image.shape[:2])
        with self._in_context():
            self._preprocess(image, color_order)
            self._run_network()
            self._device.wait(self._stream.is_done, self._limit_s)
            return self._network.logits()

    def _refuse_too_long(self, height: int, width: int) -> None:
        """Raise InputError where the kernels' 32-bit products of both images' sides would overflow."""
        if any(2 * (side + 4) * net >= 1 << 31 for side, net in zip((width, height), self.input_size)):
            raise InputError(f"the image is {width}x{height} pixels, longer than the GPU's kernels count; "
                             "cut it into tiles")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            with self._device.current():
                self._device.wait(self._is_idle, self._limit_s)  # freeing memory would wait without a limit
                self._held.close()
        except (DeviceError, self._device.driver.Error) as error:
            _LOGGER.warning("nothing is freed: %s", error)
        finally:
            self._device.close()

    def _is_idle(self) -> bool:
        try:
            return bool(self._stream.is_done())
        except self._device.driver.Error:  # of a context that is lost, and has nothing left to do
            return True

    @contextmanager
    def _in_context(self) -> Iterator[None]:
        try:
            with self._device.current():  # which a lost device may refuse as well
                yield
        except (self._device.driver.Error, GraphError) as error:
            raise DeviceError(f"{self.device}: {error}") from error

    def _preprocess(self, image: np.ndarray, color_order: str) -> None:
        source = self._buffers["image"].reserve(image.size)
        self._events[0].record(self._stream)
        source.upload(image, self._stream)
        height, width = image.shape[:2]
        net = self._network.input
        self._kernels.preprocess(
            self._stream, source.pointer, width, height, image.size // height, color_order,
            self._network.input_pointer, net.shape[3], net.shape[2], net.dtype == np.float16, self._tables,
            self._card.color_order)
        self._events[1].record(self._stream)

    def _run_network(self) -> None:
        self._network.enqueue(self._stream)
        self._events[2].record(self._stream)

    def _postprocess(self, wanted: Dict[str, Tuple[int, ...]], drawing: Drawing, image: np.ndarray,
                     color_order: str) -> None:
        places = {name: self._buffers[name].pointer for name in wanted}
        mask_ids = self._buffers["mask_ids"]
        if drawing.masks:
            mask_ids.upload(np.array(drawing.masks, np.uint8), self._stream)
        palette = self._palette
        if drawing.palette is not None:
            palette = self._buffers["palette"].pointer
            self._buffers["palette"].upload(drawing.palette.reshape(-1), self._stream)
        self._device.driver.memset_d8_async(places["status"], 0, 4, self._stream)
        logits, net = self._network.output, self._network.input
        height, width = image.shape[:2]
        self._kernels.postprocess(
            self._stream, self._network.output_pointer, logits.dtype == np.float16, logits.shape[1],
            logits.shape[3], logits.shape[2], net.shape[3], net.shape[2], width, height,
            mask_ids=mask_ids.pointer, mask_count=len(drawing.masks), source=self._buffers["image"].pointer,
            step=image.size // height, layout=color_order, palette=palette,
            alpha=drawing.overlay_alpha or 0.0, min_confidence=drawing.min_confidence,
            upsampling=self._card.upsampling, temperature=self._card.temperature, **places)
        for name, shape in wanted.items():
            self._buffers[name].download(shape, self._stream)
        self._events[3].record(self._stream)

    def _stage_times(self) -> Dict[str, float]:
        self._device.wait(self._events[3].query, self._limit_s)
        stages = zip(("preprocess_ms", "network_ms", "postprocess_ms"), self._events, self._events[1:])
        return {name: end.time_since(start) for name, start, end in stages}
