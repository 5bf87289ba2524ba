import numpy as np
import pytest

from bisenet_core.evaluation.metrics.frame_result import FrameResult
from bisenet_core.evaluation.metrics.latency import course, histogram, spread, stage_times, stages

SECOND = 10**9


def frames():
    """101 labelled frames whose Segmenter took 0 to 100 ms, and one that could not be read."""
    labelled = [FrameResult(i, i, i, timings_ms={"decode": 1.0, "segment": float(i)}) for i in range(101)]
    return [FrameResult(101, 101, 101, problem="damaged"), *labelled]


def test_percentiles_of_each_stage_over_the_labelled_frames():
    assert stages(frames()) == {
        "decode": {"p50": 1.0, "p90": 1.0, "p99": 1.0, "max": 1.0, "mean": 1.0},
        "segment": {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0, "mean": 50.0},
    }
    assert stage_times(frames())["segment"].tolist() == list(range(101))


def test_no_frames_have_no_stages():
    assert stages(frames()[:1]) == {} and spread([]) is None


def test_a_histogram_is_not_pressed_flat_by_one_slow_frame():
    values = np.array([10.0] * 50 + [20.0] * 150 + [1000.0])
    found = histogram(values, bins=10)
    assert found.edges[0] == 10 and found.edges[-1] == 21 and found.counts.tolist() == [50] + [0] * 8 + [151]


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [0.0, 1e-9], [1.0, 2.0, 300.0]])
def test_a_histogram_counts_every_value(values):
    found = histogram(np.array(values))
    assert found.counts.sum() == len(values) and (np.diff(found.edges) > 0).all()


def test_a_course_keeps_every_peak():
    times = 1_700_000_000 * SECOND + np.arange(10_000) * (SECOND // 15)
    values = np.ones(10_000)
    values[7_000] = 99.0
    found = course(times, values, points=100)
    assert len(found.seconds) == 100 and found.median.tolist() == [1.0] * 100
    assert found.highest.tolist() == [1.0] * 70 + [99.0] + [1.0] * 29
    assert found.seconds[70] == pytest.approx(7_000 / 15, abs=10_000 / 15 / 100)


def test_a_course_has_gaps_where_the_drive_has_and_leaves_out_nan():
    times = np.array([0, 1, 9, 10]) * SECOND
    found = course(times, np.array([1.0, 2.0, np.nan, 4.0]), points=10)
    assert found.seconds.tolist() == [0.5, 1.5, 9.5] and found.median.tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("values", [[3.0], [3.0, np.nan], [np.nan, np.nan]])
def test_a_course_of_one_moment(values):
    found = course(np.zeros(len(values), np.int64), np.array(values))
    assert found.highest.tolist() == [v for v in values if v == v]
