"""The two measures, by their mathematics."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.drift.measures import SMALLEST_SHARE, jensen_shannon, psi, shares_of

COUNTS = st.lists(st.integers(0, 10_000), min_size=2, max_size=12).filter(any)


@st.composite
def pairs(draw, several=2):
    bins = draw(st.integers(2, 12))
    one = st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins).filter(any)
    return tuple(draw(one) for _ in range(several))


@given(pairs())
def test_both_are_symmetric_and_never_negative(pair):
    for distance in (psi, jensen_shannon):
        assert distance(*pair) == pytest.approx(distance(*reversed(pair)), abs=1e-9)
        assert distance(*pair) >= 0


@given(COUNTS, st.integers(1, 50))
def test_the_same_shares_are_no_drift_however_many_they_are_of(counts, times):
    more = [count * times for count in counts]
    assert psi(counts, more) == pytest.approx(0, abs=1e-9)
    assert jensen_shannon(counts, more) == pytest.approx(0, abs=1e-7)


@given(pairs())
def test_different_shares_are_drift(pair):
    apart = max(abs(a - b) for a, b in zip(*map(shares_of, pair), strict=True))
    if apart > 0.01:
        assert psi(*pair) > 0
        assert jensen_shannon(*pair) > 0


@given(pairs())
def test_jensen_shannon_is_at_most_one(pair):
    assert jensen_shannon(*pair) <= 1


@given(pairs(3))
def test_jensen_shannon_is_a_metric(three):
    first, second, third = three
    assert jensen_shannon(first, third) <= jensen_shannon(first, second) + jensen_shannon(second, third) + 1e-9


def test_nothing_in_common_is_a_distance_of_one():
    assert jensen_shannon([1, 0], [0, 1]) == 1


def test_psi_of_the_textbook():
    expected = (0.6 - 0.5) * math.log(0.6 / 0.5) + (0.4 - 0.5) * math.log(0.4 / 0.5)
    assert psi([50, 50], [60, 40]) == pytest.approx(expected)
    assert psi([1, 1], [0, 2]) == pytest.approx(
        (SMALLEST_SHARE - 0.5) * math.log(SMALLEST_SHARE / 0.5) + 0.5 * math.log(2)
    )


@pytest.mark.parametrize("distance", [psi, jensen_shannon])
@pytest.mark.parametrize("pair", [([1, 2], [1, 2, 3]), ([0, 0], [1, 1]), ([1, 1], [2, -1])])
def test_what_cannot_be_compared_is_refused(distance, pair):
    with pytest.raises(ValueError, match=r"shares|argument"):
        distance(*pair)
