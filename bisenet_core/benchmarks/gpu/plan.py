"""Which sections a gpu-check has, in which order."""

from collections.abc import Iterator
from typing import NamedTuple

from bisenet_core.benchmarks.gpu.settings import Settings

#: Section -> the library its process needs.
SECTIONS = {
    "machine": "tensorrt",
    "build": "tensorrt",
    "parity": "tensorrt",
    "network": "tensorrt",
    "segment": "tensorrt",
    "postprocess": "tensorrt",
    "plain_tensorrt": "tensorrt",
    "pytorch": "torch",
    "onnxruntime": "onnxruntime",
}

#: What is compared, each in every round, so that no one profits from a cooler or quieter machine.
SIDE_BY_SIDE = ("network", "segment", "plain_tensorrt", "pytorch", "onnxruntime")


class Step(NamedTuple):
    """One section about one subject."""

    section: str
    subject: str
    precision: str
    round: int = 0

    @property
    def name(self) -> str:
        """Of its files."""
        return "-".join(filter(None, (*self[:3], str(self.round))))


def steps(settings: Settings) -> Iterator[Step]:
    """The main subject first and whole, since time may run out; then the other networks."""
    yield Step("machine", "", "")
    yield from _subject(settings, settings.main)
    for round_ in range(settings.rounds):
        for section in SIDE_BY_SIDE:
            for precision in _precisions(settings, section):
                yield Step(section, settings.main, precision, round_)
    yield Step("postprocess", settings.main, "fp16")
    for subject in settings.subjects:
        if subject != settings.main:
            yield from _subject(settings, subject)
            for section in ("network", "segment"):
                for precision in settings.precisions:
                    yield Step(section, subject, precision)


def _subject(settings: Settings, subject: str) -> Iterator[Step]:
    for precision in reversed(settings.precisions):  # fp16, which matters most, first
        yield Step("build", subject, precision)
        yield Step("parity", subject, precision)


def _precisions(settings: Settings, section: str) -> tuple[str, ...]:
    if section in ("network", "segment"):
        return settings.precisions
    return ("fp32",) if section == "onnxruntime" else ("fp16",)  # the file is FP32, and runs as it is
