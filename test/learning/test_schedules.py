"""The poly schedule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.learning.schedules import poly


def test_hand_worked_values():
    assert poly(0, 100) == 1
    assert poly(50, 100) == pytest.approx(0.5**0.9)
    assert poly(100, 100) == poly(101, 100) == 0
    assert poly(0, 100, warmup=10) == pytest.approx(0.1)


@given(st.integers(1, 1000), st.integers(0, 100))
def test_falls_after_the_warm_up_and_stays_in_range(total, warmup):
    factors = [poly(i, total, warmup=warmup) for i in range(total + 2)]
    assert all(0 <= f <= 1 for f in factors)
    after = factors[warmup:]
    assert after == sorted(after, reverse=True)
