"""Settings of a gpu-check: what is measured, how often, with which programs."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Size = tuple[int, int]


@dataclass(frozen=True)
class Settings:
    """Sizes are (width, height). Paths are kept as given."""

    kit: Path
    work: Path  # each section's result, engines
    subjects: tuple[str, ...]
    main: str = "bisenetv2"  # the one that the others' ways are measured against
    precisions: tuple[str, ...] = ("fp32", "fp16")
    cameras: tuple[Size, ...] = ((1280, 720), (1920, 1080), (2048, 1024))
    frames: int = 500
    warm_up: int = 50
    rounds: int = 3  # of what is compared side by side
    backend: str = "tensorrt"  # another is a stand-in, for trying the check itself
    timeout: float = 900.0  # s, of one section
    budget: float = float("inf")  # s, after which no further section starts
    #: library ("tensorrt", "torch", "onnxruntime") -> the Python that has it; ours by default
    pythons: dict[str, str] = field(default_factory=dict)

    @property
    def is_stand_in(self) -> bool:
        """Whether the figures say nothing about a GPU."""
        return self.backend != "tensorrt"

    def to_json(self) -> dict[str, Any]:
        """For another process and for the report."""
        content = asdict(self)
        return {**content, "kit": str(self.kit), "work": str(self.work), "budget": str(self.budget)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Settings":
        """The reverse of ``to_json``."""
        return cls(**{
            **content, "kit": Path(content["kit"]), "work": Path(content["work"]),
            "budget": float(content["budget"]), "subjects": tuple(content["subjects"]),
            "precisions": tuple(content["precisions"]), "cameras": tuple(map(tuple, content["cameras"])),
        })  # fmt: skip


def size_text(size: Size) -> str:
    """``(1280, 720)`` -> ``"1280x720"``."""
    return "{}x{}".format(*size)
