"""Resizing of images and class scores, shared by the protocols."""

import cv2
import numpy as np

from bisenet_core.evaluation.protocols.sized_network import Size


def size_of(image: np.ndarray) -> Size:
    """(width, height) of HxW or HxWxC."""
    return image.shape[1], image.shape[0]


def resized(image: np.ndarray, size: Size) -> np.ndarray:
    """HxWx3 uint8 at ``size``, bilinear as ``runtime.preprocessing`` defines it; itself at its own size."""
    return image if size_of(image) == size else cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def upsampled(scores: np.ndarray, size: Size) -> np.ndarray:
    """Cxhxw float32 -> CxHxW at ``size``, bilinear with half-pixel centres (PyTorch: align_corners=False)."""
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in scores])


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities over the first axis; overwrites ``scores``."""
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=0)
    return scores


def winner(scores: np.ndarray) -> np.ndarray:
    """Class of the largest score along the first axis, lowest id on a tie; uint8."""
    return scores.argmax(axis=0).astype(np.uint8)
