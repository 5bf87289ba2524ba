"""Charts: long series keep their extremes, axes are round, lines break where nothing is known."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.reports.parts.chart import Scale, known_runs
from bisenet_core.reports.parts.series import (
    MOST_POINTS,
    clock_step,
    multiples,
    reduce_series,
    round_step,
    shown_limit,
)
from bisenet_core.reports.replay.distribution_charts import (
    confidence_histogram,
    latency_histogram,
    reliability_diagram,
)
from bisenet_core.reports.replay.frame_table import FrameTable
from bisenet_core.reports.replay.time_charts import (
    Timeline,
    accuracy_chart,
    flicker_chart,
    latency_chart,
)

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=80)


@given(VALUES, st.integers(1, 30))
def test_a_reduced_series_keeps_its_extremes(values, most):
    y = np.array(values)
    reduced = reduce_series(np.arange(len(y), dtype=float), y, most)
    assert len(reduced.x) == min(most, len(y))
    if np.isfinite(y).any():
        assert (np.nanmin(reduced.low), np.nanmax(reduced.high)) == (np.nanmin(y), np.nanmax(y))
    known = np.isfinite(reduced.middle)
    assert (reduced.low[known] <= reduced.middle[known]).all()
    assert (reduced.middle[known] <= reduced.high[known]).all()


@given(st.floats(1e-6, 1e6), st.integers(2, 8))
def test_steps_are_round_and_few(span, steps):
    step = round_step(span, steps)
    assert re.fullmatch(r"[125]e[+-]\d+", f"{step:.0e}")
    assert 1 <= len(multiples(step, span)) <= steps + 1


@given(st.floats(2, 1e5))
def test_a_clock_has_few_ticks(span):
    assert len(multiples(clock_step(span, 6), span)) <= 7


def test_one_slow_frame_does_not_flatten_the_others():
    assert shown_limit(np.array([20.0] * 50 + [900.0])) < 40
    assert shown_limit(np.array([20.0] * 50 + [30.0])) > 30


def test_an_axis_reaches_up_to_the_period_unless_it_is_far_off():
    assert shown_limit(np.array([20.0] * 50), 66.0) > 66
    assert shown_limit(np.array([20.0] * 50), 1000.0) < 30


def test_lines_break_where_values_are_missing():
    nan = float("nan")
    y = np.array([nan, 0, 1, nan, 2, nan])
    assert known_runs(y) == [slice(1, 3), slice(4, 5)]
    assert Scale(5, 2).line(np.arange(6.0), y) == "M200 1000 400 500M797 0h6"


def test_bars_stand_on_the_floor():
    path = Scale(2, 4).bars(np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    assert path == "M1 1000V750H499V1000Z"


@pytest.fixture
def long(evaluation):
    results, rows = evaluation(frames=9000, rate=15.0)
    return results, FrameTable(rows, results["bags"])


def test_ten_minutes_fit_into_few_points(long):
    results, frames = long
    timeline = Timeline.of(frames)
    charts = accuracy_chart(timeline), flicker_chart(timeline), latency_chart(timeline, results["bags"])
    for mark in (mark for chart in charts for mark in chart.marks):
        assert len(mark.path) < 12 * 2 * MOST_POINTS


def test_bags_follow_one_another_and_no_line_joins_them(evaluation):
    results, rows = evaluation(frames=10, bags=("first", "second"))
    frames = FrameTable(rows, results["bags"])
    assert frames.elapsed[-1] == pytest.approx(1.8) and frames.seconds[-1] == pytest.approx(0.9)
    line = next(mark for mark in accuracy_chart(Timeline.of(frames)).marks if mark.kind == "line first")
    assert line.path.count("M") == 2


def test_latency_shows_the_period_and_what_was_dropped(evaluation):
    results, rows = evaluation(rate=20.0)
    chart = latency_chart(Timeline.of(FrameTable(rows, results["bags"])), results["bags"])
    kinds = {mark.kind: mark.path for mark in chart.marks}
    assert "period" in kinds and kinds["lost"].count("M") == 4
    assert ("lost", "dropped as driven (4 frames)") in chart.key


def test_a_period_far_above_is_said_in_words(evaluation):
    results, rows = evaluation(rate=1.0)
    chart = latency_chart(Timeline.of(FrameTable(rows, results["bags"])), results["bags"])
    assert "1000\u00a0ms, lies above" in chart.note
    assert not [mark for mark in chart.marks if mark.kind == "period"]


def test_an_unknown_rate_draws_no_period(evaluation):
    results, rows = evaluation()
    results["bags"][0]["rate_hz"] = None
    frames = FrameTable(rows, results["bags"])
    for chart in (latency_chart(Timeline.of(frames), results["bags"]), latency_histogram(frames, results)):
        assert "period" not in [kind for kind, _ in chart.key]


def test_a_bin_without_pixels_is_no_bar(evaluation):
    bins = evaluation()[0]["calibration"]["bins"]
    assert reliability_diagram(bins).marks[0].path.count("M") == 9
    assert confidence_histogram(bins).marks[0].path.count("M") == 9


def test_nothing_known_is_no_chart(evaluation):
    results, rows = evaluation(truth=False)
    rows = [{**row, "segment_ms": "", "consistency": ""} for row in rows]
    frames = FrameTable(rows, results["bags"])
    timeline = Timeline.of(frames)
    assert not accuracy_chart(timeline) and not flicker_chart(timeline)
    assert not latency_chart(timeline, results["bags"]) and not latency_histogram(frames, results)
