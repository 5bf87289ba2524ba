"""Charts over the time of the recording: accuracy, flicker and latency, frame by frame."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bisenet_core.reports.parts.chart import SIDE, Axis, Chart, number_axis, round_step, share_axis
from bisenet_core.reports.parts.formats import clock, count, milliseconds, percent, plural
from bisenet_core.reports.parts.series import reduce_series, shown_limit
from bisenet_core.reports.replay.frame_table import FrameTable

#: Columns of frames.csv that are shares of right pixels: mark and meaning.
_ACCURACIES = {
    "pixel_accuracy": ("first", "pixel accuracy"),
    "miou": ("second", "mean IoU"),
    "teacher_agreement": ("third", "agreement with the teacher"),
}
#: What becomes of frames live, that the latency chart marks: kind of mark, meaning, place above the floor.
_LOST = {"superseded": ("lost", "dropped live", 0), "failed": ("failed", "failed", 50)}


def accuracy_chart(frames: FrameTable) -> Chart | None:
    """Share of right pixels, mIoU and agreement with the teacher, whichever there are, of each frame."""
    columns = {name: frames.column(name) for name in _ACCURACIES}
    known = [name for name, values in columns.items() if np.isfinite(values).any()]
    if not known:
        return None
    title = "Accuracy of each frame"
    if len(known) == 1:
        title = f"{_ACCURACIES[known[0]][1].capitalize()}, each frame"
    chart = _over_time(title, frames, share_axis())
    for name in known:
        _draw_series(chart, frames, columns[name], *_ACCURACIES[name])
    return chart


def flicker_chart(frames: FrameTable) -> Chart | None:
    """Share of the followed pixels whose class changed since the frame before."""
    flicker = 1 - frames.column("consistency")
    if not np.isfinite(flicker).any():
        return None
    limit = min(1.0, shown_limit(flicker))
    chart = _over_time("Flicker of each frame", frames, share_axis(limit))
    chart.note = _beyond(flicker, limit, percent)
    _draw_series(chart, frames, flicker, "first", "pixels that changed class since the frame before")
    return chart


def latency_chart(frames: FrameTable, bags: list[dict[str, Any]]) -> Chart | None:
    """Time that labelling took, with the camera's period and the frames lost live."""
    latency, periods = frames.column("segment_ms"), periods_ms(frames, bags)
    if not np.isfinite(latency).any():
        return None
    period = float(np.nanmax(periods, initial=0.0))
    limit = shown_limit(latency, period)
    chart = _over_time("Latency of each frame", frames, number_axis(limit, "{:g} ms".format))
    chart.note = _beyond(latency, limit, milliseconds)
    _draw_series(chart, frames, latency, "first", "labelling one frame")
    if 0 < period <= limit:
        _draw_periods(chart, frames, periods)
    elif period:
        chart.note = f"The camera's period, {milliseconds(period)}, lies above the chart. {chart.note}"
    for fate, (kind, meaning, floor) in _LOST.items():
        lost = frames.elapsed[frames.driven == fate]
        if lost.size:
            dashes = [f"M{place:.0f} {SIDE - floor}v-40" for place in np.unique(chart.across(lost))]
            chart.add(kind, "".join(dashes), f"{meaning} ({plural(lost.size, 'frame')})")
    return chart


def periods_ms(frames: FrameTable, bags: list[dict[str, Any]]) -> np.ndarray:
    """float64, N: the camera's period in each frame's bag; NaN where its rate is not known."""
    rates = np.array([bag.get("rate_hz") or np.nan for bag in bags], np.float64)
    return 1000 / rates[frames.bag]


_CLOCK_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


def clock_step(span: float, steps: int) -> float:
    """The distance in seconds of about ``steps`` times over ``span``, such as a clock shows."""
    rough = span / steps
    if rough < 1:
        return round_step(span, steps)
    return float(next((step for step in _CLOCK_STEPS if step >= rough), math.ceil(rough / 3600) * 3600))


def _over_time(title: str, frames: FrameTable, y: Axis) -> Chart:
    """A chart over the time of the frames, with a line where one bag ends and the next begins."""
    limit, bags = float(frames.elapsed.max()) or 1.0, len(frames.parts)
    step = clock_step(limit, 6)
    label = "time in the recording" + (f", {bags} bags one after another" if bags > 1 else "")
    chart = Chart(title, Axis(limit, step, lambda seconds: clock(seconds, 0 if step >= 1 else 1), label), y)
    chart.uprights("seam", [frames.elapsed[part.start] for part in frames.parts[1:]])
    return chart


def _draw_series(chart: Chart, frames: FrameTable, values: np.ndarray, colour: str, meaning: str) -> None:
    """Draw the median of each bin as a line over the band from its least to its greatest value."""
    reduced = reduce_series(frames.elapsed, values, frames.parts)
    if np.nansum(reduced.high - reduced.low) > 0:
        chart.band(f"band {colour}", reduced.x, reduced.low, reduced.high)
    chart.line(f"line {colour}", reduced.x, reduced.middle, meaning)


def _draw_periods(chart: Chart, frames: FrameTable, periods: np.ndarray) -> None:
    """Draw a level line over each bag; NaN keeps them apart."""
    times = [frames.elapsed[part] for part in frames.parts]
    x = [place for time in times for place in (time.min(), time.max(), math.nan)]
    y = [place for part in frames.parts for place in (periods[part.start], periods[part.start], math.nan)]
    chart.line("period", np.array(x), np.array(y), "camera's period")


def _beyond(values: np.ndarray, limit: float, text: Callable[[float], str]) -> str:
    beyond = int((values > limit).sum())
    if not beyond:
        return ""
    return (f"{plural(beyond, 'frame')} of {count(int(np.isfinite(values).sum()))} "
            f"above the chart, the highest at {text(float(np.nanmax(values)))}.")
