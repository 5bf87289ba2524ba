"""Label one image message, publish the labels, and measure how long each stage takes."""

import time
from typing import Any, Callable, Dict, NamedTuple, Sequence, Tuple

from bisenet_core.errors import DeviceError, InferenceError
from bisenet_core.images.encodings import PACKED_YUV, ImageError, to_rgb
from bisenet_core.labels.label_space import unlabel_unsure
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.outputs import LabelledImage, LabelOutputs
from bisenet_ros.parameters import SegmentationParameters


class Moment(NamedTuple):
    """Seconds by time.monotonic(), and of processor time that the calling thread has had."""

    wall: float
    cpu: float


class Timing(NamedTuple):
    """When one image was taken from its mailbox, read and segmented."""

    taken: Moment
    read: Moment
    segmented: Moment
    segmenter: Dict[str, float]  # preprocess_ms, network_ms, postprocess_ms, total_ms


class Outcome(NamedTuple):
    """What became of one image."""

    kind: str                     # "published", "dropped", "failed", or "given up" by ``abandon``
    reason: str = ""              # one word, for counting, of an image dropped or failed
    text: str = ""                # one line, of a failure
    times: Dict[str, float] = {}  # of an image that was labelled: milliseconds by stage
    left_out: Sequence[str] = ()  # of an image published: a line for each output that could not follow


def label_image(message: Any, read: Callable, segmenter: Segmenter, settings: SegmentationParameters,
                outputs: LabelOutputs) -> Tuple[LabelledImage, Timing]:
    """Read and label one image. Raises what ``read`` and ``segmenter`` raise."""
    taken = this_moment()
    image, color_order = read(message, settings.significant_bits)
    if color_order in PACKED_YUV and not segmenter.backend.packed_yuv:
        image, color_order = to_rgb(image, color_order), "rgb"  # once, for the network and the overlay
    was_read = this_moment()
    unlabels = settings.min_confidence > 0
    drawing = outputs.drawing(settings.overlay_alpha, settings.min_confidence, settings.palette)
    result = segmenter.segment(image, color_order, unlabels or outputs.confidence_wanted(), drawing)
    timing = Timing(taken, was_read, this_moment(), result.timings)
    labels = result.labels
    if unlabels:
        if result.confidence is None:  # labels must not go out as if they had been judged
            raise InferenceError("the backend gave no confidence, which min_confidence needs")
        labels = unlabel_unsure(labels, result.confidence, settings.min_confidence)
    masks = {} if drawing is None or result.masks is None else dict(zip(drawing.masks, result.masks))
    return LabelledImage(message.header, image, color_order, labels, result.confidence,
                         settings.overlay_alpha, settings.palette, masks, result.overlay), timing


def publish_image(labelled: LabelledImage, timing: Timing, received: float, outputs: LabelOutputs) -> Outcome:
    """Publish what is subscribed to of one image; ``received`` is on time.monotonic()."""
    try:
        sent = outputs.publish(labelled)
    except Exception as error:
        return Outcome("failed", "publishing", error_line(error))
    if sent.messages:
        times = stage_times(received, timing, sent.first_out, this_moment())
        return Outcome("published", times=times, left_out=sent.failures)
    if sent.failures:
        return Outcome("failed", "publishing", sent.failures[0])
    return Outcome("dropped", "no_subscriber")  # whoever wanted them has left meanwhile


def failure(error: Exception) -> Outcome:
    """The outcome of an image that could not be labelled for ``error``."""
    if isinstance(error, ImageError):
        return Outcome("failed", error.reason, str(error))
    if isinstance(error, DeviceError):
        return Outcome("failed", "device", str(error))
    return Outcome("failed", "inference", error_line(error))


def error_line(error: Exception) -> str:
    """The error's type and its text."""
    return f"{type(error).__name__}: {error}"


def this_moment() -> Moment:
    """Now, in this thread."""
    # time.thread_time() came with Python 3.7
    return Moment(time.monotonic(), time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID))


def stage_times(received: float, timing: Timing, first_out: float, ended: Moment) -> Dict[str, float]:
    """Milliseconds by stage of a published image, see docs/node.md.

    ``latency`` ends with the labels, or the first output where nobody wants labels; what follows is
    ``outputs``. ``own`` is the part of it that the node can help, ``own_cpu`` what it cost this thread.
    """
    taken, read, segmented = timing.taken, timing.read, timing.segmented
    stages = {name[:-len("_ms")]: value for name, value in timing.segmenter.items()}
    stages["segment"] = segment = stages.pop("total")
    wait, latency = taken.wall - received, first_out - received
    seconds = {"wait": wait, "read": read.wall - taken.wall, "latency": latency,
               "publish": first_out - segmented.wall, "outputs": ended.wall - first_out,
               "own": latency - wait - segment / 1e3,
               "own_cpu": ended.cpu - segmented.cpu + read.cpu - taken.cpu}
    return dict(stages, **{name: 1e3 * value for name, value in seconds.items()})
