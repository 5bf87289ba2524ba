"""Labelling: one image on its way from the message to the published labels, and the time of each stage."""

from typing import Any, Callable, Dict

from bisenet_core.errors import InferenceError
from bisenet_core.images.encodings import PACKED_YUV, to_rgb
from bisenet_core.labels.confidence import unlabel_unsure
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.outputs import LabelledImage, LabelOutputs, PublishingError, Sent, drawn_masks
from bisenet_ros.parameters import SegmentationParameters
from bisenet_ros.stage_times import this_moment


class Labelling:
    """Reads, labels and publishes one image, in this order and in one thread."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self._taken = this_moment()

    def label(self, read: Callable, segmenter: Segmenter, settings: SegmentationParameters,
              outputs: LabelOutputs) -> None:
        """Raises what ``read`` and ``segmenter`` raise."""
        image, color_order = read(self._message)
        if color_order in PACKED_YUV and not segmenter.backend.packed_yuv:
            image, color_order = to_rgb(image, color_order), "rgb"  # once, for the network and the overlay
        self._read = this_moment()
        unlabels = settings.min_confidence > 0
        drawing = outputs.drawing(settings.overlay_alpha, settings.min_confidence)
        result = segmenter.segment(image, color_order, unlabels or outputs.confidence_wanted(), drawing)
        labels, confidence, self._timings = result.labels, result.confidence, result.timings
        self._segmented = this_moment()
        if unlabels:
            if confidence is None:  # labels must not go out as if they had been judged
                raise InferenceError("the backend gave no confidence, which min_confidence needs")
            labels = unlabel_unsure(labels, confidence, settings.min_confidence)
        self._labelled = LabelledImage(
            self._message.header, image, color_order, labels, confidence, settings.overlay_alpha,
            drawn_masks(drawing, result.masks), result.overlay)

    def publish(self, outputs: LabelOutputs) -> Sent:
        """Raises PublishingError."""
        try:
            self._sent = outputs.publish(self._labelled)
        except PublishingError:
            raise
        except Exception as error:
            raise PublishingError(f"{type(error).__name__}: {error}") from error
        self._ended = this_moment()
        return self._sent

    def stages(self, received: float) -> Dict[str, float]:
        """Milliseconds of what has been published, see docs/node.md; ``received`` is on time.monotonic().

        ``latency`` ends with the labels, or the first output where nobody wants labels; what follows is
        ``outputs``. ``own`` is the part of it that the node can help, ``own_cpu`` what it cost this thread.
        """
        taken, read, segmented, ended = self._taken, self._read, self._segmented, self._ended
        stages = {name[:-len("_ms")]: value for name, value in self._timings.items()}
        stages["segment"] = segment = stages.pop("total")
        wait, latency = taken.wall - received, self._sent.first_out - received
        seconds = {"wait": wait, "read": read.wall - taken.wall, "latency": latency,
                   "publish": self._sent.first_out - segmented.wall,
                   "outputs": ended.wall - self._sent.first_out, "own": latency - wait - segment / 1e3,
                   "own_cpu": ended.cpu - segmented.cpu + read.cpu - taken.cpu}
        return dict(stages, **{name: 1e3 * value for name, value in seconds.items()})
