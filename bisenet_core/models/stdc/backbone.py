"""STDC networks without their classifier."""

from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.models.layers import ConvNormAct
from bisenet_core.models.stdc.short_term_dense_concatenate import ShortTermDenseConcatenateModule

#: Modules in stages 3, 4 and 5 (STDC, Table 2).
REPEATS = {"stdc1": (2, 2, 2), "stdc2": (4, 5, 3)}


class STDCNet(nn.Module):
    """Stages 1 to 5 of an STDC network (STDC, Section 3.1.2, Table 2).

    ``Bx3xHxW -> [Bx64xH/4xW/4, Bx256xH/8xW/8, Bx512xH/16xW/16, Bx1024xH/32xW/32]``, stages 2 to 5.
    ``name`` is one of ``REPEATS``; the first module of a stage has stride 2. ``InputError`` for another name.
    """

    channels = (64, 256, 512, 1024)

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in REPEATS:
            raise InputError(f"backbone is {name!r}; expected one of {', '.join(REPEATS)}")
        self.stage1 = ConvNormAct(3, 32, stride=2)
        self.stage2 = ConvNormAct(32, 64, stride=2)
        stages = map(_stage, self.channels[:-1], self.channels[1:], REPEATS[name])
        self.stage3, self.stage4, self.stage5 = stages

    def forward(self, image: Tensor) -> list[Tensor]:
        found = [self.stage2(self.stage1(image))]
        for stage in (self.stage3, self.stage4, self.stage5):
            found.append(stage(found[-1]))
        return found


def _stage(in_channels: int, out_channels: int, repeats: int) -> nn.Sequential:
    first = ShortTermDenseConcatenateModule(in_channels, out_channels, stride=2)
    others = [ShortTermDenseConcatenateModule(out_channels, out_channels) for _ in range(repeats - 1)]
    return nn.Sequential(first, *others)
