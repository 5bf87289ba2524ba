"""Charts of distributions: histogram of latency, reliability diagram, how often each confidence occurs."""

from typing import Any

import numpy as np

from bisenet_core.reports.parts.chart import Chart, Mark, Scale, Tick
from bisenet_core.reports.parts.formats import count, is_known, milliseconds, percent, plural
from bisenet_core.reports.parts.series import multiples, round_step, shown_limit
from bisenet_core.reports.replay.frame_table import FrameTable
from bisenet_core.reports.replay.time_charts import periods_ms

_BINS = 48


def latency_histogram(frames: FrameTable, results: dict[str, Any]) -> Chart | None:
    """How many frames took how long, with median, 99th percentile and the camera's period."""
    latency = frames.column("segment_ms")
    latency = latency[np.isfinite(latency)]
    if not latency.size:
        return None
    periods = np.unique(periods_ms(frames, results["bags"]))
    periods = periods[np.isfinite(periods)]
    limit = shown_limit(latency, float(periods.max(initial=0.0)))
    counts, edges = np.histogram(latency, _BINS, (0, limit))
    scale = Scale(limit, 1.08 * max(int(counts.max()), 1))
    marks = [Mark("bars first", scale.bars(edges[:-1], edges[1:], counts))]
    key = [("bars first", "frames")]
    for kind, text, values in (
        ("percentile", "p50", [np.percentile(latency, 50)]),
        ("percentile late", "p99", [np.percentile(latency, 99)]),
        ("period", "camera's period", periods),
    ):
        shown = [float(value) for value in values if value <= limit]
        if shown:
            marks.append(Mark(kind, "".join(scale.upright(value) for value in shown)))
            key.append((kind, f"{text} ({', '.join(map(milliseconds, shown[:3]))})"))
    ticks = multiples(round_step(limit, 6), limit)
    return Chart("Distribution of latency", marks, scale.x_ticks(ticks, [f"{value:g}" for value in ticks]),
                 _count_ticks(scale), "milliseconds", "", key,
                 _slower(int((latency > limit).sum()), float(latency.max())))


def reliability_diagram(bins: list[dict[str, Any]]) -> Chart:
    """Share of right pixels among those of a confidence; on the diagonal, confidence can be believed."""
    scale, known = Scale(1, 1), [row for row in bins if is_known(row["accuracy"])]
    low, high, accuracy, confidence = (
        np.array([row[name] for row in known], np.float64)
        for name in ("low", "high", "accuracy", "confidence")
    )
    marks = [
        Mark("bars first", scale.bars(low, np.minimum(high, 1), accuracy)),
        Mark("ideal", "M0 1000L1000 0"),
        Mark("dots second", "".join(scale.line(confidence[i:i + 1], accuracy[i:i + 1])
                                    for i in range(len(known)))),
    ]
    key = [("bars first", "right pixels"), ("dots second", "mean confidence"),
           ("ideal", "perfect")]
    return Chart("Reliability", marks, _share_x(scale), _share_y(scale), "confidence", "", key)


def confidence_histogram(bins: list[dict[str, Any]]) -> Chart:
    """Share of the scored pixels in each bin of confidence."""
    low, high, pixels = (np.array([row[name] or 0 for row in bins], np.float64)
                         for name in ("low", "high", "pixels"))
    share = pixels / max(pixels.sum(), 1)
    scale = Scale(1, 1.08 * max(float(share.max(initial=0.0)), 0.01))
    marks = [Mark("bars first", scale.bars(low, np.minimum(high, 1), share))]
    return Chart("How often each confidence occurs", marks, _share_x(scale), _share_y(scale), "confidence",
                 "", [("bars first", "scored pixels")])


def _share_x(scale: Scale) -> list[Tick]:
    values = [0, 0.2, 0.4, 0.6, 0.8, 1]
    return scale.x_ticks(values, [percent(value, 0) for value in values])


def _share_y(scale: Scale) -> list[Tick]:
    values = multiples(round_step(scale.y_limit, 5), scale.y_limit)
    return scale.y_ticks(values, [percent(value, 0 if scale.y_limit > 0.05 else 1) for value in values])


def _count_ticks(scale: Scale) -> list[Tick]:
    values = multiples(max(1.0, round_step(scale.y_limit, 4)), scale.y_limit)
    return scale.y_ticks(values, map(count, values))


def _slower(beyond: int, worst: float) -> str:
    if not beyond:
        return ""
    return f"{plural(beyond, 'frame')} beyond the chart, the slowest at {milliseconds(worst)}."
