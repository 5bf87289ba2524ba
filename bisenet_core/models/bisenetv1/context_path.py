"""Context Path of BiSeNet V1: from a trunk with a large receptive field back up to 1/8."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.models.bisenetv1.attention_refinement import AttentionRefinementModule
from bisenet_core.models.layers import ConvNormAct, nearest_to

#: Brings the first map to the height and width of the second.
Upsampling = Callable[[Tensor, Tensor], Tensor]


def bilinear(features: Tensor, like: Tensor) -> Tensor:
    """As the authors do it, corners meeting corners."""
    return functional.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=True)


UPSAMPLINGS: dict[str, Upsampling] = {"bilinear": bilinear, "nearest": nearest_to}


class ContextPath(nn.Module):
    """Global context, refined with the last two stages of the trunk (BiSeNet, Section 3.2, Figure 2a).

    Features of a trunk at 1/4, 1/8, 1/16 and 1/32, ``channels`` wide, ->
    ``{"context32": BxCxH/16xW/16, "context16": BxCxH/8xW/8}``, C = ``width``: named after the stage of the
    trunk that came in last, each already at the resolution of the stage before it.
    """

    def __init__(self, channels: tuple[int, ...], width: int, upsampling: Upsampling) -> None:
        super().__init__()
        *_, channels16, channels32 = channels
        self.upsampling = upsampling
        self.global_context = ConvNormAct(channels32, width, kernel=1)
        self.attention32 = AttentionRefinementModule(channels32, width)
        self.attention16 = AttentionRefinementModule(channels16, width)
        self.refine32 = ConvNormAct(width, width)
        self.refine16 = ConvNormAct(width, width)

    def forward(self, trunk: list[Tensor]) -> dict[str, Tensor]:
        _, trunk8, trunk16, trunk32 = trunk
        context = self.global_context(trunk32.mean(dim=(2, 3), keepdim=True))
        context32 = self.refine32(self.upsampling(self.attention32(trunk32) + context, trunk16))
        context16 = self.refine16(self.upsampling(self.attention16(trunk16) + context32, trunk8))
        return {"context32": context32, "context16": context16}
