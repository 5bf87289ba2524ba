"""SegmentationPipeline: one Segmenter in its worker, and the camera it serves."""

import time
from typing import Any, Callable, Dict

from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.camera import CameraStream
from bisenet_ros.diagnostics import CameraState
from bisenet_ros.frame_account import FrameAccount
from bisenet_ros.inference_worker import InferenceWorker
from bisenet_ros.outputs import LabelOutputs
from bisenet_ros.parameters import SegmentationParameters, mask_classes


class SegmentationPipeline:
    """What a configured node owns. Making one opens the model; ``close`` frees everything.

    Raises InputError for a model, a backend or a mask that cannot be had, and InterruptedError when
    ``given_up()`` turns true meanwhile. All methods belong to the executor's thread.
    """

    def __init__(self, node: Any, settings: SegmentationParameters, account: FrameAccount,
                 given_up: Callable[[], bool] = lambda: False) -> None:
        self._node = node
        self._account = account
        self._active_since = 0.0
        self._worker = InferenceWorker(lambda: _open_segmenter(settings), self._serve)
        self._segmenter = self._worker.start(given_up)
        try:
            masks = mask_classes(settings.masks, self._segmenter.label_space)
        except Exception:
            self._worker.stop()
            raise
        self._outputs = LabelOutputs(node, self._segmenter.label_space)
        self._outputs.set_masks(masks)
        self._camera = CameraStream(node, account, self._outputs, settings, self._worker.wake)

    def activate(self) -> None:
        """Subscribe to the images."""
        self._camera.subscribe()
        self._active_since = time.monotonic()
        self._node.get_logger().info("images from {} ({}), labels on {}".format(
            self._camera.topic, self._camera.settings.reliability, self._outputs.labels_topic))

    def deactivate(self) -> None:
        """End the subscription and finish the image in work; the network is kept.

        Raises RuntimeError for a network that does not return.
        """
        self._camera.unsubscribe()
        if not self._worker.wait_idle():
            raise RuntimeError("the network does not return")

    def update(self, settings: SegmentationParameters) -> None:
        """Take over parameters that changed. Raises InputError, with nothing changed."""
        self._outputs.set_masks(mask_classes(settings.masks, self._segmenter.label_space))
        self._camera.settings = settings

    def close(self) -> None:
        """Free everything, in the opposite order."""
        self._camera.unsubscribe()
        if not self._worker.stop():
            self._node.get_logger().error("the network does not return; its thread is left behind")
        self._outputs.close()

    def state(self, lifecycle_state: str) -> CameraState:
        """What there is to say of the camera now."""
        camera = self._camera
        return CameraState(
            now=time.monotonic(), counts=self._account.counts(), state=lifecycle_state, topic=camera.topic,
            publishers=self._node.count_publishers(camera.topic) if camera.topic else 0,
            active_since=self._active_since, last_received=camera.last_received,
            last_failure=camera.last_failure, stale_after=camera.settings.stale_after,
            times=camera.times.by_stage(), facts=self._facts(), fault=self._worker.failure)

    def _serve(self, segmenter: Segmenter) -> bool:
        return self._camera.serve(segmenter)

    def _facts(self) -> Dict[str, str]:
        backend, card = self._segmenter.backend, self._segmenter.card
        return {"model": card.name, "label_space": card.label_space.name, "backend": backend.name,
                "precision": backend.precision, "device": backend.device,
                "input_size": "{}x{}".format(*backend.input_size)}


def _open_segmenter(settings: SegmentationParameters) -> Segmenter:
    return Segmenter.open(settings.model, settings.backend, settings.precision,
                          settings.input_width, settings.input_height)
