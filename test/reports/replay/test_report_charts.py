"""Charts: long series keep their extremes, axes are round, lines break where nothing is known."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.reports.parts import chart as series
from bisenet_core.reports.parts.chart import MOST_POINTS, Axis, Chart, number_axis, reduce_series, shown_limit
from bisenet_core.reports.replay.charts import (
    accuracy_chart,
    clock_step,
    confidence_histogram,
    flicker_chart,
    latency_chart,
    latency_histogram,
    reliability_diagram,
)
from bisenet_core.reports.replay.frame_table import FrameTable

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=80)


@given(VALUES, st.integers(1, 30))
def test_a_reduced_series_keeps_its_extremes(values, most):
    y = np.array(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "MOST_POINTS", most)
        reduced = reduce_series(np.arange(len(y), dtype=float), y)
    assert len(reduced.x) == min(most, len(y)) + 1 and np.isnan(reduced.x[-1])
    if np.isfinite(y).any():
        assert (np.nanmin(reduced.low), np.nanmax(reduced.high)) == (np.nanmin(y), np.nanmax(y))
    known = np.isfinite(reduced.middle)
    assert (reduced.low[known] <= reduced.middle[known]).all()
    assert (reduced.middle[known] <= reduced.high[known]).all()


@given(st.floats(1e-6, 1e6), st.integers(2, 8))
def test_steps_are_round_and_few(span, steps):
    axis = number_axis(span, steps=steps)
    assert re.fullmatch(r"[125]e[+-]\d+", f"{axis.step:.0e}")
    assert 1 <= len(axis.ticks) <= steps + 1


@given(st.floats(2, 1e5))
def test_a_clock_has_few_ticks(span):
    assert len(Axis(span, clock_step(span, 6), str).ticks) <= 7


def test_one_slow_frame_does_not_flatten_the_others():
    assert shown_limit(np.array([20.0] * 50 + [900.0])) < 40
    assert shown_limit(np.array([20.0] * 50 + [30.0])) > 30


def test_an_axis_reaches_up_to_the_period_unless_it_is_far_off():
    assert shown_limit(np.array([20.0] * 50), 66.0) > 66
    assert shown_limit(np.array([20.0] * 50), 1000.0) < 30


def plain_chart(x_limit, y_limit):
    return Chart("a chart", number_axis(x_limit), number_axis(y_limit))


def test_lines_break_where_values_are_missing():
    nan = float("nan")
    chart, y = plain_chart(5, 2), np.array([nan, 0, 1, nan, 2, nan])
    chart.line("line", np.arange(6.0), y, "meaning")
    chart.band("band", np.arange(6.0), y, y + 1)
    line, band = "M200 1000 400 500M797 0h6", "M200 500 400 0 400 500 200 1000Z"
    assert chart.marks == [("line", line), ("band", band)]
    assert chart.key == [("line", "meaning")]


def test_bars_stand_on_the_floor():
    chart = plain_chart(2, 4)
    chart.bars("bars", np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    assert chart.marks == [("bars", "M1 1000V750H499V1000Z")]


@pytest.fixture
def long(evaluation):
    results, rows = evaluation(frames=9000, rate=15.0)
    return results, FrameTable(rows, results["bags"])


def test_ten_minutes_fit_into_few_points(long):
    results, frames = long
    charts = accuracy_chart(frames), flicker_chart(frames), latency_chart(frames, results["bags"])
    for mark in (mark for chart in charts for mark in chart.marks):
        assert len(mark.path) < 12 * 2 * MOST_POINTS


def test_bags_follow_one_another_and_no_line_joins_them(evaluation):
    results, rows = evaluation(frames=10, bags=("first", "second"))
    frames = FrameTable(rows, results["bags"])
    assert frames.elapsed[-1] == pytest.approx(1.8) and frames.seconds[-1] == pytest.approx(0.9)
    line = next(mark for mark in accuracy_chart(frames).marks if mark.kind == "line first")
    assert line.path.count("M") == 2


def test_latency_shows_the_period_and_what_was_dropped(evaluation):
    results, rows = evaluation(rate=20.0)
    chart = latency_chart(FrameTable(rows, results["bags"]), results["bags"])
    kinds = {mark.kind: mark.path for mark in chart.marks}
    assert "period" in kinds and kinds["lost"].count("M") == 4
    assert ("lost", "dropped live (4 frames)") in chart.key


def test_a_period_far_above_is_said_in_words(evaluation):
    results, rows = evaluation(rate=1.0)
    chart = latency_chart(FrameTable(rows, results["bags"]), results["bags"])
    assert "1000\u00a0ms, lies above" in chart.note
    assert not [mark for mark in chart.marks if mark.kind == "period"]


def test_an_unknown_rate_draws_no_period(evaluation):
    results, rows = evaluation()
    results["bags"][0]["rate_hz"] = None
    frames = FrameTable(rows, results["bags"])
    for chart in (latency_chart(frames, results["bags"]), latency_histogram(frames, results["bags"])):
        assert "period" not in [kind for kind, _ in chart.key]


def test_a_bin_without_pixels_is_no_bar(evaluation):
    bins = evaluation()[0]["calibration"]["bins"]
    assert reliability_diagram(bins).marks[0].path.count("M") == 9
    assert confidence_histogram(bins).marks[0].path.count("M") == 9


def test_nothing_known_is_no_chart(evaluation):
    results, rows = evaluation(truth=False)
    rows = [{**row, "segment_ms": None, "consistency": None} for row in rows]
    frames = FrameTable(rows, results["bags"])
    assert not accuracy_chart(frames) and not flicker_chart(frames)
    assert not latency_chart(frames, results["bags"]) and not latency_histogram(frames, results["bags"])
