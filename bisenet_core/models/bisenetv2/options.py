"""The options of BiSeNet V2, and which of them go together."""

from dataclasses import dataclass

from bisenet_core.errors import InputError
from bisenet_core.models.bisenetv2.branches import STAGES, TRUNKS

CHOICES: dict[str, tuple[object, ...]] = {
    "variant": ("paper", "community"),
    "gather_kernel": (3, 1),
    "semantic_branch": ("bisenetv2", *TRUNKS),
    "branches": ("both", "detail", "semantic"),
    "aggregation": ("bga", "sum", "concat"),
    "aggregation_upsampling": ("bilinear", "nearest"),
}

#: What the other variant leaves at its default.
ONLY_OF = {
    "paper": ("gather_kernel", "double_depthwise", "context", "semantic_branch", "branches", "aggregation"),
    "community": ("aggregation_upsampling", "aggregation_bias"),
}


@dataclass(frozen=True)
class Options:
    """Options of ``BiSeNetV2``; ``InputError`` for values that do not exist or exclude each other.

    An option of a part that the network lacks changes nothing: ``lambda_`` with a foreign ``semantic_branch``
    or ``aggregation`` with one of the ``branches``.
    """

    #: "paper" has the paper's operation counts, "community" the structure of public implementations
    variant: str = "paper"
    #: width of everything (Table 5a)
    alpha: float = 1.0
    #: multiplies the layers of stages 3 to 5 of the Semantic Branch (Table 5b)
    depth: int = 1
    #: width of the Semantic Branch's stem and stage 3 relative to the Detail Branch (Table 3a)
    lambda_: float = 0.25
    #: of the Gather-and-Expansion layers (Table 3c)
    expansion: int = 6
    #: 1 replaces the 3x3 that gathers by a point-wise convolution (Table 3b)
    gather_kernel: int = 3
    #: False replaces two 3x3 depth-wise convolutions at stride 2 by one 5x5 (Table 3b)
    double_depthwise: bool = True
    #: whether the Semantic Branch ends in a Context Embedding Block (Table 3b)
    context: bool = True
    #: a classification network may take the place of the Semantic Branch (Table 6)
    semantic_branch: str = "bisenetv2"
    #: "detail" or "semantic" for one branch alone (Table 2)
    branches: str = "both"
    #: how the branches are merged (Table 2)
    aggregation: str = "bga"
    #: stages of the Semantic Branch with an auxiliary head in training, joined by "+" (Table 4)
    boosters: str = "+".join(STAGES[:-1])
    #: inside the aggregation of the "community" variant
    aggregation_upsampling: str = "bilinear"
    #: of the point-wise convolutions in the aggregation of the "community" variant
    aggregation_bias: bool = False

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(self._found(name, f"one of {', '.join(map(str, known))}"))
        if len(set(self.boosted) & set(STAGES)) != len(self.boosted):
            raise InputError(self._found("boosters", f"some of {', '.join(STAGES)}, joined by +"))
        stem = self.semantic_widths[0]
        if stem < 2:  # one of its ways has half the channels
            raise InputError(
                f"alpha {self.alpha} times lambda_ {self.lambda_} leaves {stem} channels for the stem; "
                "expected 2 or more"
            )
        other = "community" if self.variant == "paper" else "paper"
        for name in ONLY_OF[other]:
            default = getattr(Options, name)
            if getattr(self, name) != default:
                raise InputError(self._found(name, f"{default} in variant {self.variant!r}"))

    def _found(self, name: str, expected: str) -> str:
        return f"{name} is {getattr(self, name)!r}; expected {expected}"

    @property
    def boosted(self) -> tuple[str, ...]:
        """The stages that ``boosters`` names."""
        return tuple(self.boosters.split("+"))

    @property
    def detail_widths(self) -> tuple[int, int, int]:
        """Channels of the Detail Branch's stages, 64, 64 and 128 in Table 1."""
        return int(64 * self.alpha), int(64 * self.alpha), int(128 * self.alpha)

    @property
    def semantic_widths(self) -> tuple[int, int, int, int]:
        """Channels of the Semantic Branch's stages, 16, 32, 64 and 128 in Table 1."""
        _, base, wide = self.detail_widths
        return int(base * self.lambda_), int(wide * self.lambda_), base, wide
