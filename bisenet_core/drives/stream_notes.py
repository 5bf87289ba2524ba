"""What is odd about a whole stream of images, as one clear line each."""

from collections.abc import Sequence

import numpy as np


def recorded_notes(times_ns: np.ndarray) -> list[str]:
    """Of times of recording, int64 ns, ascending."""
    repeated = int(np.count_nonzero(np.diff(times_ns) == 0))
    return [f"{repeated} images were recorded at the same time as the one before"] if repeated else []


def stamp_notes(stamps_ns: np.ndarray) -> list[str]:
    """Of header stamps, int64 ns, in the order of recording; -1 for images without a readable one."""
    known = stamps_ns[stamps_ns >= 0]
    backwards = np.flatnonzero(np.diff(known) < 0)
    repeated = len(known) - len(np.unique(known))
    notes = []
    if len(backwards):
        widest = float(-np.diff(known).min()) / 1e9
        notes.append(f"{len(backwards)} stamps lie before the one before them, by up to {widest:.3f} s")
    if repeated:
        notes.append(f"{repeated} images repeat another's stamp")
    if len(known) < len(stamps_ns):
        notes.append(f"{len(stamps_ns) - len(known)} images have no readable header")
    return notes


def size_notes(sizes: Sequence[tuple[int, int]]) -> list[str]:
    """Of (width, height) in the order of recording; (0, 0) for an image that could not be read."""
    known = list(dict.fromkeys(size for size in sizes if size != (0, 0)))
    if len(known) < 2:
        return []
    return [f"the images' size changes: {', '.join(f'{width}x{height}' for width, height in known[:8])}"]
