"""STDC networks ("Rethinking BiSeNet For Real-time Semantic Segmentation") and their parts."""

from bisenet_core.models.stdc.classifier import STDCClassifier
from bisenet_core.models.stdc.network import STDCSeg

__all__ = ["STDCClassifier", "STDCSeg"]
