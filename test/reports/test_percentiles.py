from bisenet_core.reports.measurement import spread


def test_percentiles_are_interpolated():
    assert spread(list(range(101))) == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0, "mean": 50.0}
    assert spread([1.0, 2.0]) == {"p50": 1.5, "p90": 1.9, "p99": 1.99, "max": 2.0, "mean": 1.5}


def test_of_no_values_nothing_is_said():
    assert spread([]) is None
