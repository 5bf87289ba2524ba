"""Check a planner's input messages, and turn them into arrays and a camera."""

from typing import Any, NamedTuple, Optional

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from bisenet_core.errors import NAME_LENGTH, InputError
from bisenet_core.labels.ground_camera import GroundCamera
from bisenet_core.labels.label_space import UNLABELED, LabelSpace
from bisenet_ros.image_messages import image_from_msg


class UnfitError(InputError):
    """Messages that cannot be used; ``kind`` is the same for all of one cause."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Pair(NamedTuple):
    """Labels, and the confidence of the same stamp where it is asked for."""

    labels: Image
    confidence: Optional[Image]


class StampMatcher:
    """Pairs labels and confidence of identical stamps, in whichever order they come; the newest win.

    Without ``with_confidence``, labels alone are complete.
    """

    def __init__(self, with_confidence: bool) -> None:
        self._with_confidence = with_confidence
        self._labels: Optional[Image] = None
        self._confidence: Optional[Image] = None

    def add_labels(self, message: Image) -> Optional[Image]:
        """Keep labels; returns the earlier ones for which no confidence has come."""
        left, self._labels = self._labels, message
        return left

    def add_confidence(self, message: Image) -> None:
        """Keep a confidence image."""
        self._confidence = message

    def take(self) -> Optional[Pair]:
        """The pair that is complete, once."""
        labels, confidence = self._labels, self._confidence
        if labels is None or (self._with_confidence and (
                confidence is None or confidence.header.stamp != labels.header.stamp)):
            return None
        self._labels = None
        return Pair(labels, confidence)


def labels_from_msg(message: Image, label_space: LabelSpace) -> np.ndarray:
    """HxW uint8 ids of ``label_space``, and UNLABELED. Raises UnfitError for anything else."""
    labels = _plane(message, "labels")
    known = np.zeros(256, bool)
    known[:label_space.num_classes] = known[UNLABELED] = True
    strange = labels[~known[labels]]
    if len(strange):
        raise UnfitError("ids", "labels have class {}, but {} has 0 to {} (and {}): set model to the "
                         "segmentation node's".format(strange[0], label_space.name,
                                                      label_space.num_classes - 1, UNLABELED))
    return labels


def confidence_from_msg(message: Image, labels: np.ndarray) -> np.ndarray:
    """HxW uint8, of the size of ``labels``. Raises UnfitError for anything else."""
    confidence = _plane(message, "confidence")
    if confidence.shape != labels.shape:
        raise UnfitError("sizes", "labels are {}x{} and confidence is {}x{}".format(
            *labels.shape[::-1], *confidence.shape[::-1]))
    return confidence


def ground_camera(info: CameraInfo, labels: Image, height: float, pitch: float) -> GroundCamera:
    """The camera that took the image of these labels. Raises UnfitError where ``info`` is not its."""
    if (info.width, info.height) != (labels.width, labels.height):
        raise UnfitError("sizes", "labels are {}x{} and camera_info is of {}x{}".format(
            labels.width, labels.height, info.width, info.height))
    if info.header.frame_id != labels.header.frame_id:
        raise UnfitError("frames", "labels are in frame '{}' and camera_info is in '{}'".format(
            labels.header.frame_id[:NAME_LENGTH], info.header.frame_id[:NAME_LENGTH]))
    try:
        return GroundCamera.from_info(info, height, pitch)
    except InputError as error:
        raise UnfitError("camera_info", "camera_info: {}".format(error)) from error


def check_label_info(message: Any, label_space: LabelSpace) -> None:
    """Raises UnfitError unless vision_msgs' LabelInfo has just the ids and names of ``label_space``."""
    named = {one.class_id: one.class_name for one in message.class_map}
    expected = dict(enumerate(label_space.classes))
    for class_id in sorted({*named, *expected}):
        names = [classes.get(class_id, "no class")[:NAME_LENGTH] for classes in (named, expected)]
        if names[0] != names[1]:
            raise UnfitError("label_info", "class {} of the labels is '{}', but '{}' in {}: set model to the "
                             "segmentation node's".format(class_id, *names, label_space.name))


def _plane(message: Image, name: str) -> np.ndarray:
    # mono16 and 8UC1 have a grey plane too, but ids in it would be read wrongly
    if message.encoding != "mono8":
        raise UnfitError(name, "{} is '{}'; expected mono8".format(name, message.encoding[:NAME_LENGTH]))
    try:
        return image_from_msg(message)[0]
    except InputError as error:
        raise UnfitError(name, "{}: {}".format(name, error)) from error
