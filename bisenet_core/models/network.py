"""SegmentationNetwork: the base class of every network that labels pixels."""

from torch import Tensor, nn

from bisenet_core.models.layers import check_image_size


class SegmentationNetwork(nn.Module):
    """A head for the labels, and auxiliary heads that exist in training only.

    Input: Bx3xHxW float, normalised RGB, H and W at least 32, any size.
    Output: logits BxKxceil(H/8)xceil(W/8) in evaluation mode; in training mode a dictionary with those under
    "main" and the output of each auxiliary head under its name, at the resolution of its features.

    A subclass sets ``head``, fills ``auxiliary`` and implements ``features``.
    """

    #: Auxiliary heads that learn where labels change (Bx1xhxw) instead of the labels themselves (BxKxhxw).
    detail_heads: frozenset[str] = frozenset()

    head: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.ModuleDict()

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """BxCxhxw features: what ``head`` takes under "main", what an auxiliary head takes under its name."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Tensor | dict[str, Tensor]:
        check_image_size(image)
        features = self.features(image)
        logits = self.head(features["main"])
        if not self.training:
            return logits
        return {"main": logits, **{name: head(features[name]) for name, head in self.auxiliary.items()}}

    def without_auxiliary(self) -> "SegmentationNetwork":
        """Remove the auxiliary heads, as the network is deployed; returns the network itself."""
        self.auxiliary = nn.ModuleDict()
        return self
