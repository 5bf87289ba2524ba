"""Scores by distance and by the size of objects: what is counted in bands of one image."""

from collections.abc import Collection

import cv2
import numpy as np

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.errors import InputError
from bisenet_core.labels.ground_camera import GroundCamera
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.metrics import ConfusionMatrix, class_counts, ratio

DISTANCE, HEIGHT = "distance", "object height"

#: The bands of each kind, in the order of their counts, and by which figure they are compared.
BANDS = {DISTANCE: ("0-10 m", "10-20 m", "20-40 m", "40+ m", "above horizon"),
         HEIGHT: ("1-15 px", "16-31 px", "32-63 px", "64-127 px", "128+ px")}
BAND_FIGURES = {DISTANCE: "iou", HEIGHT: "object_recall"}
_METRES, _PIXELS = (10, 20, 40, np.inf), (16, 32, 64, 128)

#: Pixels of the smallest object that counts: outlines and occlusion leave smaller specks.
_SMALLEST = 10


def distance_bands(drive: BagDrive, height: float | None, pitch: float | None) -> np.ndarray | None:
    """Places in ``BANDS[DISTANCE]``, int HxW, of each pixel of a drive's images: of the ground it shows.

    The camera is ``height`` metres above flat ground and turned down by ``pitch`` degrees; None without a
    height. Raises InputError where the bag has no camera_info of its images, where these are not rectified,
    and where they show no ground.
    """
    if height is None:
        return None
    sizes = (frame.image.shape[:2] for frame in drive.frames(with_truth=False) if frame.image is not None)
    size = next(sizes, (0, 0))
    try:
        info = drive.camera_info()
        if size != (0, 0) and size != (info.height, info.width):
            raise InputError(f"it is of {info.width}x{info.height}, the images are {size[1]}x{size[0]}")
        if any(info.d) and "/image_raw" in drive.topic:
            raise InputError(f"the camera distorts, and {drive.topic} is not rectified: evaluate the "
                             "rectified images of image_proc")
        ahead = GroundCamera.from_info(info, height, np.radians(pitch or 0)).forward(np.arange(size[0]))
        if size[0] and np.isinf(ahead).all():
            raise InputError(f"the images show no ground where --camera-pitch is {pitch or 0:g} degrees")
    except InputError as error:
        raise InputError(f"no distances in {drive.path}: camera_info: {error}") from None
    return np.broadcast_to(np.digitize(ahead, _METRES)[:, None], size)


def distance_counts(
    labels: np.ndarray, truth: np.ndarray, bands: np.ndarray | None, space: LabelSpace
) -> np.ndarray | None:
    """``FrameResult.distance`` of two HxW uint8 label images and ``distance_bands``, if of the same size."""
    if bands is None or bands.shape != truth.shape:
        return None
    masks = [bands[:, 0] == place for place in range(len(BANDS[DISTANCE]))]
    matrices = [ConfusionMatrix(space.num_classes, space.ignore_id).update(labels[rows], truth[rows]).counts
                for rows in masks]
    return np.stack(class_counts(np.stack(matrices)), axis=1)


def object_counts(
    labels: np.ndarray, truth: np.ndarray, counted: Collection[int], space: LabelSpace
) -> np.ndarray | None:
    """``FrameResult.objects`` of two HxW uint8 label images, for the class ids in ``counted``, if any.

    An object is ``_SMALLEST`` or more pixels of its class that touch one another, at corners too; it is found
    where at least half of them have its class.
    """
    found = np.zeros((len(BANDS[HEIGHT]), space.num_classes, 4), np.int64)
    for class_id in counted:
        mask = (truth == class_id).view(np.uint8)
        left, top, width, height = cv2.boundingRect(mask)
        if not width:
            continue
        part = np.s_[top : top + height, left : left + width]  # the rest would take longer than all objects
        number, objects, boxes, _ = cv2.connectedComponentsWithStats(mask[part], connectivity=8)
        right = np.bincount(objects[labels[part] == class_id], minlength=number)
        heights, pixels = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_AREA]
        rows = np.column_stack([np.ones_like(right), 2 * right >= pixels, pixels, right])
        counts = np.flatnonzero(pixels[1:] >= _SMALLEST) + 1  # the first is all that is none
        np.add.at(found[:, class_id], np.digitize(heights[counts], _PIXELS), rows[counts])
    return found if counted else None


def recall(total: np.ndarray, pixels: bool = False) -> np.ndarray:
    """Share found, float64 [..., 1 + C], of the objects of all and of each class, or of their ``pixels``, of
    summed counts [..., S, C, 4]."""
    of_classes = total.sum(axis=-3)[..., 2:] if pixels else total.sum(axis=-3)[..., :2]
    both = np.concatenate([of_classes.sum(axis=-2, keepdims=True), of_classes], axis=-2)
    return ratio(*(both[..., column] for column in (1, 0)))
