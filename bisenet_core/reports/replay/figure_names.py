"""FIGURES: every figure of an evaluation, by the name that commands, files and pages call it."""

from dataclasses import dataclass
from typing import Any

from bisenet_core.reports.parts.formats import count, is_known, milliseconds, percent, rate

SHARE, MILLISECONDS, FRAMES, PER_SECOND = "share", "ms", "frames", "frames/s"
_WRITE = {MILLISECONDS: milliseconds, FRAMES: count, PER_SECOND: lambda value: rate(value, "fps")}
_CHANGE = {SHARE: "{:+.2f}", MILLISECONDS: "{:+.1f}", FRAMES: "{:+.0f}", PER_SECOND: "{:+.1f}"}


@dataclass(frozen=True)
class FigureName:
    """A figure's ``title``, its ``unit`` and whether more of it is better; shares are shown as per cent.

    ``keys``: where results.json has it, of a whole evaluation. ``of_class``: its title for one class.
    """

    title: str
    keys: tuple[str, ...] = ()
    unit: str = SHARE
    larger_is_better: bool = True
    of_class: str = ""

    def of(self, results: dict[str, Any]) -> float | None:
        """Its value in results.json; None where that has none."""
        value: Any = results
        for key in self.keys or ("",):
            value = (value or {}).get(key)
        return value if is_known(value) else None

    def called(self, class_name: str | None = None) -> str:
        """Its title, or that for a class."""
        return f"{self.of_class} of {class_name}" if class_name else self.title

    def text(self, value: float | None, digits: int = 1) -> str:
        """A value with its unit, a share with so many digits: 0.7312 -> "73.1 %"; a dash where unknown."""
        return percent(value, digits) if self.unit == SHARE else _WRITE[self.unit](value)

    def change(self, value: float | None) -> str:
        """A signed difference without its unit, of shares in points: 0.0091 -> "+0.91"."""
        return _CHANGE[self.unit].format(value * self.scale) if value is not None and is_known(value) else "–"

    def distance(self, value: float) -> str:
        """A difference without sign, with its unit: 0.0091 -> "0.91 points"."""
        return f"{value * self.scale:.2f} {'points' if self.unit == SHARE else self.unit}"

    @property
    def scale(self) -> int:
        """By which a value is multiplied for people."""
        return 100 if self.unit == SHARE else 1


FIGURES = {
    "iou": FigureName("Mean IoU", ("miou",), of_class="IoU"),
    "pixel_accuracy": FigureName("Pixel accuracy", ("pixel_accuracy",)),
    "boundary_score": FigureName("Boundary score", ("boundary", "f_score"), of_class="Boundary score"),
    "calibration_error": FigureName("Calibration error", ("calibration", "ece"), larger_is_better=False),
    "consistency": FigureName("Temporal consistency", ("temporal", "consistency")),
    "flicker": FigureName("Flicker", larger_is_better=False, of_class="Flicker"),
    "teacher_agreement": FigureName("Agreement with the teacher", ("teacher", "pixel_agreement")),
    "teacher_iou": FigureName("Mean IoU with the teacher", ("teacher", "miou"), of_class="Teacher's IoU"),
    "object_recall": FigureName("Objects found", ("objects", "recall"), of_class="Objects found"),
    "object_pixel_recall": FigureName("Pixels of objects", ("objects", "pixel_recall"),
                                      of_class="Pixels of objects"),
    "latency_p50": FigureName("Latency, median", ("latency_ms", "p50"), MILLISECONDS, False),
    "latency_p99": FigureName("Latency, 99th percentile", ("latency_ms", "p99"), MILLISECONDS, False),
    "fps": FigureName("Throughput", ("fps",), PER_SECOND),
    "frames_lost": FigureName("Number of frames lost", ("frames_lost",), FRAMES, False),
    "changed_pixels": FigureName("Share of changed pixels", ("reference", "changed_share"),
                                 larger_is_better=False),
    "labelled_live": FigureName("Labelled live", ("as_driven", "share_labelled")),
    "iou_live": FigureName("Mean IoU live", ("as_driven", "miou")),
    "pixel_accuracy_live": FigureName("Pixel accuracy live", ("as_driven", "pixel_accuracy")),
}
