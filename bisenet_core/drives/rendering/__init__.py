"""A drive rendered by the project itself, with exact labels: for demos, and as ground truth in tests."""

from bisenet_core.drives.rendering.drive import RenderedDrive

__all__ = ["RenderedDrive"]
