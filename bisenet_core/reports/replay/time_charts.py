"""Charts over the time of the recording: accuracy, flicker and latency, frame by frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bisenet_core.reports.parts.chart import Chart, Mark, Scale, Tick
from bisenet_core.reports.parts.formats import clock, count, milliseconds, percent, plural
from bisenet_core.reports.parts.series import (
    MOST_POINTS,
    Reduced,
    clock_step,
    multiples,
    reduce_series,
    round_step,
    shown_limit,
)
from bisenet_core.reports.replay.frame_table import FrameTable

#: Columns of frames.csv that are shares of right pixels: mark and meaning.
_ACCURACIES = {
    "pixel_accuracy": ("first", "pixel accuracy"),
    "miou": ("second", "mIoU"),
    "teacher_agreement": ("third", "agreement with the teacher"),
}
#: Fates as driven that the latency chart marks: kind of mark, meaning, place above the floor.
_LOST = {"superseded": ("lost", "dropped as driven", 0), "failed": ("failed", "failed", 50)}


@dataclass(frozen=True)
class Timeline:
    """The axis that all charts over time share."""

    frames: FrameTable
    limit: float
    """Seconds at the right end."""

    @classmethod
    def of(cls, frames: FrameTable) -> "Timeline":
        return cls(frames, float(frames.elapsed.max()) or 1.0)

    @property
    def label(self) -> str:
        bags = len(self.frames.parts)
        return "time in the recording" + (f", {bags} bags one after another" if bags > 1 else "")

    def ticks(self, scale: Scale) -> list[Tick]:
        step = clock_step(self.limit, 6)
        values = multiples(step, self.limit)
        return scale.x_ticks(values, [clock(value, 0 if step >= 1 else 1) for value in values])

    def series(self, values: np.ndarray) -> list[Reduced]:
        """Each bag's part of ``values``, so that no line joins two bags."""
        frames, share = self.frames, MOST_POINTS / max(len(self.frames), 1)
        return [
            reduce_series(frames.elapsed[part], values[part], max(1, round(share * (part.stop - part.start))))
            for part in frames.parts
        ]

    def draw(self, scale: Scale, values: np.ndarray, kind: str) -> list[Mark]:
        """Median of each bin as a line over the band from its least to its greatest value."""
        parts = self.series(values)
        band = "".join(scale.band(part.x, part.low, part.high) for part in parts if _is_binned(part))
        line = "".join(scale.line(part.x, part.middle) for part in parts)
        return [Mark(f"band {kind}", band), Mark(f"line {kind}", line)]

    def seams(self, scale: Scale) -> Mark:
        """Where one bag ends and the next begins."""
        starts = [self.frames.elapsed[part.start] for part in self.frames.parts[1:]]
        return Mark("seam", "".join(scale.upright(start) for start in starts))


def _is_binned(part: Reduced) -> bool:
    return bool(np.nansum(part.high - part.low) > 0)


def _share_ticks(scale: Scale) -> list[Tick]:
    values = multiples(round_step(scale.y_limit, 4), scale.y_limit)
    return scale.y_ticks(values, [percent(value, 0 if scale.y_limit > 0.05 else 1) for value in values])


def accuracy_chart(timeline: Timeline) -> Chart | None:
    """Share of right pixels, mIoU and agreement with the teacher, whichever there are, of each frame."""
    scale = Scale(timeline.limit, 1.0)
    marks, key = [timeline.seams(scale)], []
    for column, (kind, meaning) in _ACCURACIES.items():
        values = timeline.frames.column(column)
        if np.isfinite(values).any():
            marks += timeline.draw(scale, values, kind)
            key.append((f"line {kind}", meaning))
    if not key:
        return None
    title = "Accuracy of each frame" if len(key) > 1 else f"{key[0][1].capitalize()}, each frame"
    return Chart(title, marks, timeline.ticks(scale), _share_ticks(scale),
                 timeline.label, "", key)


def flicker_chart(timeline: Timeline) -> Chart | None:
    """Share of the followed pixels whose class changed since the frame before."""
    flicker = 1 - timeline.frames.column("consistency")
    if not np.isfinite(flicker).any():
        return None
    scale = Scale(timeline.limit, min(1.0, shown_limit(flicker)))
    marks = [timeline.seams(scale), *timeline.draw(scale, flicker, "first")]
    return Chart("Flicker of each frame", marks, timeline.ticks(scale), _share_ticks(scale), timeline.label,
                 "", [("line first", "pixels that changed class since the frame before")],
                 _beyond(flicker, scale.y_limit, percent))


def latency_chart(timeline: Timeline, bags: list[dict[str, Any]]) -> Chart | None:
    """Time that labelling took, with the camera's period and the frames lost as driven."""
    latency, periods = timeline.frames.column("segment_ms"), periods_ms(timeline.frames, bags)
    if not np.isfinite(latency).any():
        return None
    period = float(np.nanmax(periods, initial=0.0))
    scale = Scale(timeline.limit, shown_limit(latency, period))
    marks = [timeline.seams(scale), *timeline.draw(scale, latency, "first")]
    key, note = [("line first", "labelling one frame")], _beyond(latency, scale.y_limit, milliseconds)
    if 0 < period <= scale.y_limit:
        marks.append(Mark("period", _steps(timeline, scale, periods)))
        key.append(("period", "camera's period"))
    elif period:
        note = f"The camera's period, {milliseconds(period)}, lies above the chart. {note}"
    for fate, (kind, meaning, floor) in _LOST.items():
        lost = timeline.frames.driven == fate
        if lost.any():
            marks.append(Mark(kind, _ticks_of(timeline, scale, lost, floor)))
            key.append((kind, f"{meaning} ({plural(int(lost.sum()), 'frame')})"))
    values = multiples(round_step(scale.y_limit, 4), scale.y_limit)
    return Chart("Latency of each frame", marks, timeline.ticks(scale),
                 scale.y_ticks(values, [f"{value:g} ms" for value in values]), timeline.label, "", key, note)


def periods_ms(frames: FrameTable, bags: list[dict[str, Any]]) -> np.ndarray:
    """float64, N: the camera's period in each frame's bag; NaN where its rate is not known."""
    rates = np.array([bag.get("rate_hz") or np.nan for bag in bags], np.float64)
    return 1000 / rates[frames.bag]


def _steps(timeline: Timeline, scale: Scale, periods: np.ndarray) -> str:
    parts = timeline.frames.parts
    ends = [np.array([timeline.frames.elapsed[part].min(), timeline.frames.elapsed[part].max()])
            for part in parts]
    return "".join(scale.line(end, np.repeat(periods[part.start], 2)) for end, part in zip(ends, parts))


def _ticks_of(timeline: Timeline, scale: Scale, chosen: np.ndarray, floor: int) -> str:
    places = np.unique(scale.x(timeline.frames.elapsed[chosen]))
    return "".join(f"M{place:.0f} {1000 - floor}v-40" for place in places)


def _beyond(values: np.ndarray, limit: float, text: Any) -> str:
    beyond = int((values > limit).sum())
    if not beyond:
        return ""
    return (f"{plural(beyond, 'frame')} of {count(int(np.isfinite(values).sum()))} "
            f"above the chart, the highest at {text(float(np.nanmax(values)))}.")
