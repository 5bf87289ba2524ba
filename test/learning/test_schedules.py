"""Learning rates by iteration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.learning.optimizer import cosine, learning_rate_factor, poly, warmup
from bisenet_core.learning.recipe import Recipe


def test_hand_worked_values():
    assert poly(0, 100) == cosine(0, 100) == warmup(10, 10) == warmup(0, 0) == 1
    assert poly(50, 100) == pytest.approx(0.5**0.9)
    assert cosine(50, 100) == pytest.approx(0.5) and cosine(25, 100) == pytest.approx((1 + 0.5**0.5) / 2)
    assert poly(100, 100) == poly(101, 100) == cosine(101, 100) == 0
    assert [warmup(i, 4, 0.2) for i in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])


def test_poly_ends_where_mmsegmentation_does():
    base, smallest, iteration, total = 0.05, 1e-4, 130, 200
    theirs = (base - smallest) * (1 - iteration / total) ** 0.9 + smallest
    assert base * poly(iteration, total, 0.9, smallest / base) == pytest.approx(theirs)


@given(
    st.sampled_from(["poly", "cosine"]), st.integers(1, 1000), st.integers(0, 100), st.floats(0, 1),
    st.floats(0, 1),
)  # fmt: skip
def test_falls_to_its_floor_after_the_warm_up(schedule, total, length, start, floor):
    recipe = Recipe(
        name="a", dataset="camvid", schedule=schedule, iterations=total, warmup_iterations=length,
        warmup_start=start,
    )  # fmt: skip
    factors = [learning_rate_factor(recipe, i, floor) for i in range(total + 2)]
    assert factors[0] == pytest.approx(start if length else 1)
    assert all(0 <= f <= 1 + 1e-12 for f in factors)
    after = factors[length:]
    assert after == sorted(after, reverse=True)
    assert length > total or factors[-1] == pytest.approx(floor)
