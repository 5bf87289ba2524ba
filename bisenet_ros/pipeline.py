"""SegmentationPipeline: one Segmenter in its worker thread, and the cameras it serves."""

import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np

from bisenet_core.errors import DeviceError, InferenceError, InputError, printable
from bisenet_core.runtime.model_search import resolve_model
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.camera import CameraStream
from bisenet_ros.findings import CameraState
from bisenet_ros.frame_account import FrameAccount
from bisenet_ros.inference_worker import InferenceWorker, RoundRobin
from bisenet_ros.label_info import label_info_is_available
from bisenet_ros.outputs import LabelOutputs
from bisenet_ros.parameters import SegmentationParameters, mask_classes


class SegmentationPipeline:
    """All that a configured node owns. Making one opens the model; ``close`` frees everything.

    ``accounts`` has one for each camera name of the settings, in their order; where they name none, one.
    Raises InputError for a model, a backend or a mask that cannot be had, and InterruptedError when
    ``given_up()`` turns true meanwhile. All methods belong to the executor's thread.
    """

    def __init__(self, node: Any, settings: SegmentationParameters, accounts: Sequence[FrameAccount],
                 given_up: Callable[[], bool] = lambda: False) -> None:
        self._node = node
        self._active_since = 0.0
        self._cameras: List[CameraStream] = []
        self._turns = RoundRobin()
        self._worker = InferenceWorker(
            lambda: _open_segmenter(settings, node.get_logger()), self._turns.serve)
        self._segmenter = self._worker.start(given_up)
        try:
            for name, account in zip(camera_names(settings), accounts):
                self._add_camera(name, account, settings)
            self.update(settings)
        except Exception:
            self.close()
            raise
        if not label_info_is_available():
            node.get_logger().info("no ~/label_info: vision_msgs, of ROS 2 Humble or newer, is not installed")

    def activate(self) -> None:
        """Subscribe to the images."""
        for camera in self._cameras:
            camera.subscribe()
            self._node.get_logger().info(printable("images from {} ({}), labels on {}".format(
                camera.topic, camera.settings.reliability, camera.outputs.labels_topic)))
        self._active_since = time.monotonic()

    def deactivate(self) -> None:
        """End the subscriptions and finish the image in work; the network is kept.

        Raises RuntimeError for a network that does not return.
        """
        self._unsubscribe()
        if not self._worker.wait_idle():
            raise RuntimeError("the network does not return")

    def update(self, settings: SegmentationParameters) -> None:
        """Take over parameters that changed. Raises InputError, with nothing changed."""
        masks = mask_classes(settings.masks, self._segmenter.label_space)
        for camera in self._cameras:
            camera.outputs.set_masks(masks)
            camera.outputs.publish_label_info(settings.min_confidence)
            camera.settings = settings

    def close(self) -> None:
        """Free everything, in the opposite order."""
        self._unsubscribe()
        if not self._worker.stop():
            self._node.get_logger().error("the network does not return; its thread is left behind")
        for camera in self._cameras:
            camera.abandon()
            camera.outputs.close()

    def states(self, lifecycle_state: str) -> List[CameraState]:
        """What there is to say of each camera now."""
        return [self._state(camera, lifecycle_state) for camera in self._cameras]

    def _add_camera(self, name: str, account: FrameAccount, settings: SegmentationParameters) -> None:
        outputs = LabelOutputs(self._node, self._segmenter.label_space, f"{name}/" if name else "")
        camera = CameraStream(self._node, account, outputs, settings, self._worker.wake, name)
        self._cameras.append(camera)
        self._turns.add(camera.serve)

    def _unsubscribe(self) -> None:
        for camera in self._cameras:
            camera.unsubscribe()

    def _state(self, camera: CameraStream, lifecycle_state: str) -> CameraState:
        publishers = self._node.count_publishers(camera.topic) if camera.topic else 0
        unheard, unserved = camera.unheard(), camera.outputs.unserved()
        return CameraState(
            now=time.monotonic(), counts=camera.account.counts(), state=lifecycle_state, topic=camera.topic,
            publishers=publishers, elsewhere="" if publishers else camera.elsewhere(),
            active_since=self._active_since, last_received=camera.last_received, loss=camera.loss(),
            last_failure=camera.last_failure, stale_after=camera.settings.stale_after,
            times=camera.times.by_stage(), facts=self._facts(), name=camera.topic_name,
            fault=self._worker.failure, busy_since=self._worker.busy_since,
            clock_stands=camera.clock_stands(), unheard=unheard.lines, unserved=unserved.lines,
            unread=unheard.unread + unserved.unread, doubts=camera.doubts,
            degraded=self._segmenter.backend.failure)

    def _facts(self) -> Dict[str, str]:
        backend, card = self._segmenter.backend, self._segmenter.card
        return {"model": card.name, "label_space": card.label_space.name, "backend": backend.name,
                "backend_reason": backend.reason, "precision": backend.precision, "device": backend.device,
                "input_size": "{}x{}".format(*backend.input_size)}


def camera_names(settings: SegmentationParameters) -> Sequence[str]:
    """The cameras' names; a single camera's may be empty."""
    return settings.cameras or ("",)


def model_folder(model: str, logger: Any) -> Path:
    """The folder of ``model``; of "a|b" that of b where there is no a, with a warning. Raises InputError."""
    name, _, otherwise = model.partition("|")
    try:
        return resolve_model(name)
    except InputError as error:
        if not otherwise:
            raise
        folder = resolve_model(otherwise)
        logger.warning(printable(f"{error}; meanwhile {otherwise} labels the images"))
        return folder


def _open_segmenter(settings: SegmentationParameters, logger: Any) -> Segmenter:
    segmenter = Segmenter.open(str(model_folder(settings.model, logger)), settings.backend,
                               settings.precision, settings.input_width, settings.input_height,
                               settings.engine_cache, settings.fallback)
    try:
        # Whatever a backend puts off until its first image happens now. The camera's size is not known yet.
        width, height = segmenter.backend.input_size
        segmenter.backend.infer(np.zeros((height, width, 3), np.uint8), "bgr")
    except Exception as error:
        if not isinstance(error, InferenceError) or isinstance(error, DeviceError):
            segmenter.close()
            raise
        # of a black image; each camera image is judged by itself
        logger.warning(printable(f"warming up: {error}"))
    return segmenter
