"""Torch networks. They use nothing of ours but the label space and the errors."""

from bisenet_core.models.registry import create_model, list_models

__all__ = ["create_model", "list_models"]
