"""RecordedFrame: one image of a bag, as replay evaluation sees it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RecordedFrame:
    """An image message in the order of recording; one that cannot be read keeps its place, and says why."""

    index: int
    """Place among the images of its topic, in the order in which they were recorded, from 0."""
    recorded_ns: int
    """When the recorder received it, nanoseconds."""
    stamp_ns: int
    """Its header's stamp, nanoseconds."""
    frame_id: str
    """Its header's frame."""
    image: np.ndarray | None = None
    """HxWx3 uint8 RGB; None where it cannot be read."""
    truth: np.ndarray | None = None
    """HxW uint8 class ids, 255 = unknown, of the image's size; None where there is none for it."""
    problem: str = ""
    """Why there is no image, or why its ground truth was left out: one line."""
    decode_ms: float = 0.0
    """What reading and decoding took."""
