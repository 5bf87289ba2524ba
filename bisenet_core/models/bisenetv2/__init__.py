"""BiSeNet V2 and its parts."""

from bisenet_core.models.bisenetv2.network import BiSeNetV2

__all__ = ["BiSeNetV2"]
