"""The evidence for a rise: what makes it grow, and what must not."""

from math import exp, fsum, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.watch.rise import RISES, evidence, together
from vigie_api.watch.windows import LENGTHS, LONGEST, Row, Windows

counts = st.lists(st.integers(0, 30), min_size=8, max_size=8)
expected = st.floats(0.05, 500.0)
spread = st.floats(0.005, 2.0)


def weighed(negatives, usual, rise):
    windows = Windows()
    windows.replace([Row(float(one), 0.0, each, 0.0) for one, each in zip(negatives, usual, strict=True)])
    return windows.weighed(rise.weights, rise.added)


def log_probability(negatives, means, alpha):
    """Of counts that are Poisson given one gamma factor for all (a negative multinomial), but for their factorials."""
    size, total, mean = 1.0 / alpha, sum(negatives), fsum(means)
    each = fsum(one * log(mean_of_one) for one, mean_of_one in zip(negatives, means, strict=True))
    return lgamma(size + total) - lgamma(size) + size * log(size) - (size + total) * log(size + mean) + each


@given(counts, st.lists(st.floats(0.05, 20.0), min_size=8, max_size=8), spread)
def test_it_is_the_ratio_of_the_probabilities(negatives, usual, alpha):
    for rise in RISES[8]:
        fit, added = weighed(negatives, usual, rise)
        surging = [mean * (1 + more) for mean, more in zip(usual, rise.added, strict=True)]
        ratio = log_probability(negatives, surging, alpha) - log_probability(negatives, usual, alpha)
        assert evidence(fit, added, sum(negatives), fsum(usual), alpha) == pytest.approx(ratio, abs=1e-6, rel=1e-6)


@given(counts, expected, spread)
def test_later_posts_speak_more_for_a_rise(negatives, mean, alpha):
    usual = [mean / 8] * 8
    for rise in RISES[8]:
        growing, falling = (weighed(sorted(negatives, reverse=down), usual, rise) for down in (False, True))
        total = sum(negatives)
        assert evidence(*growing, total, mean, alpha) >= evidence(*falling, total, mean, alpha) - 1e-9


def test_what_is_usual_is_no_evidence():
    for length in LENGTHS:
        for rise in RISES[length]:
            fit, added = weighed([2] * length, [2.0] * length, rise)
            assert evidence(fit, added, 2 * length, 2.0 * length, 0.05) < 0


@given(st.floats(1.0, 100.0), st.floats(0.1, 50.0), expected, spread)
def test_the_more_a_rise_would_have_added_the_less_the_same_posts_speak_for_it(seen, added, mean, alpha):
    assert evidence(0.0, added * 2, seen, mean, alpha) < evidence(0.0, added, seen, mean, alpha)


def test_the_shapes_share_one_mixture_and_fit_their_windows():
    assert together([rise.prior for rises in RISES.values() for rise in rises]) == pytest.approx(0.0)
    assert {length: {len(rise.added) for rise in rises} for length, rises in RISES.items()} == {
        length: {length} for length in LENGTHS
    }
    assert max(RISES) == LONGEST


def test_of_the_mixture_a_window_has_a_share_as_long_as_itself():
    shares = {length: together([rise.prior for rise in rises]) for length, rises in RISES.items()}
    assert {length: shares[length] - shares[LONGEST] for length in LENGTHS} == pytest.approx(
        {length: log(length / LONGEST) for length in LENGTHS}
    )


@given(st.lists(st.floats(-50, 500), min_size=1, max_size=14))
def test_together_is_the_logarithm_of_the_sum(some):
    most = max(some)
    assert together(some) == pytest.approx(most + log(fsum(exp(one - most) for one in some)))
    assert most <= together(some) <= most + log(len(some)) + 1e-9
