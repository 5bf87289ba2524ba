"""Charts of distributions: histogram of latency, reliability diagram, how often each confidence occurs."""

from typing import Any

import numpy as np

from bisenet_core.reports.parts.chart import Chart, number_axis, share_axis
from bisenet_core.reports.parts.formats import count, is_known, milliseconds, plural
from bisenet_core.reports.parts.series import shown_limit
from bisenet_core.reports.replay.frame_table import FrameTable
from bisenet_core.reports.replay.time_charts import periods_ms

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
