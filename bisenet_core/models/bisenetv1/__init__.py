"""BiSeNet V1 and its parts."""

from bisenet_core.models.bisenetv1.network import BiSeNetV1

__all__ = ["BiSeNetV1"]
