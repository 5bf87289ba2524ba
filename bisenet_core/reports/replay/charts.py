"""The replay report's charts: frame by frame over the time of the recording, and distributions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bisenet_core.reports.parts.chart import (
    SIDE,
    Axis,
    Chart,
    number_axis,
    reduce_series,
    round_step,
    share_axis,
    shown_limit,
)
from bisenet_core.reports.parts.formats import clock, count, is_known, milliseconds, percent, plural
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


_BINS = 48


def latency_histogram(frames: FrameTable, bags: list[dict[str, Any]]) -> Chart | None:
    """How many frames took how long, with median, 99th percentile and the camera's period."""
    latency = frames.column("segment_ms")
    latency = latency[np.isfinite(latency)]
    if not latency.size:
        return None
    periods = np.unique(periods_ms(frames, bags))
    periods = periods[np.isfinite(periods)]
    limit = shown_limit(latency, float(periods.max(initial=0.0)))
    counts, edges = np.histogram(latency, _BINS, (0, limit))
    y = number_axis(1.08 * max(int(counts.max()), 1), count, whole=True)
    chart = Chart("Distribution of latency", number_axis(limit, steps=6, label="milliseconds"), y)
    chart.bars("bars first", edges[:-1], edges[1:], counts, "frames")
    for kind, text, values in (
        ("percentile", "p50", [np.percentile(latency, 50)]),
        ("percentile late", "p99", [np.percentile(latency, 99)]),
        ("period", "camera's period", periods),
    ):
        shown = [float(value) for value in values if value <= limit]
        if shown:
            chart.uprights(kind, shown, f"{text} ({', '.join(map(milliseconds, shown[:3]))})")
    beyond = int((latency > limit).sum())
    if beyond:
        slowest = milliseconds(float(latency.max()))
        chart.note = f"{plural(beyond, 'frame')} beyond the chart, the slowest at {slowest}."
    return chart


def reliability_diagram(bins: list[dict[str, Any]]) -> Chart:
    """Share of right pixels among those of a confidence; on the diagonal, confidence can be believed."""
    known = [row for row in bins if is_known(row["accuracy"])]
    low, high, accuracy, confidence = (
        np.array([row[name] for row in known], np.float64)
        for name in ("low", "high", "accuracy", "confidence")
    )
    chart = Chart("Reliability", share_axis(1, 5, "confidence"), share_axis(1, 5))
    chart.bars("bars first", low, np.minimum(high, 1), accuracy, "right pixels")
    chart.line("ideal", np.array([0.0, 1.0]), np.array([0.0, 1.0]), "perfect")
    chart.dots("dots second", confidence, accuracy, "mean confidence")
    return chart


def confidence_histogram(bins: list[dict[str, Any]]) -> Chart:
    """Share of the scored pixels in each bin of confidence."""
    low, high, pixels = (np.array([row[name] or 0 for row in bins], np.float64)
                         for name in ("low", "high", "pixels"))
    share = pixels / max(pixels.sum(), 1)
    y = share_axis(1.08 * max(float(share.max(initial=0.0)), 0.01), 5)
    chart = Chart("How often each confidence occurs", share_axis(1, 5, "confidence"), y)
    chart.bars("bars first", low, np.minimum(high, 1), share, "scored pixels")
    return chart
