"""torch -> ONNX and model card, with a numeric parity check. Needs torch and onnx."""

from bisenet_core.deployment.exporter import export_model

__all__ = ["export_model"]
