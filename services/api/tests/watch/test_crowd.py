"""Crowds: what tells them from surges."""

from math import exp, fsum, lgamma, log, log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.crowd import Doubt, Window, apart, compare, with_crowd
from vigie_api.watch.detector import TopicDetector
from vigie_api.watch.episodes import Step, Tracker
from vigie_api.watch.rise import RISES
from vigie_api.watch.windows import LONGEST, Row, Windows

DAY = 24 * PER_HOUR
DOUBT = Doubt(0.1, 0.03)
USUAL = Row(2.0, 3.0, 2.0, 3.0)


def windows(*lately):
    found = Windows()
    found.replace([*[USUAL] * LONGEST, *lately])
    return found


def brought(negatives, others, buckets=6):
    return [Row(float(negatives), float(others), 2.0, 3.0)] * buckets


def test_many_posts_of_both_kinds_are_a_crowd_and_of_one_kind_a_surge():
    crowd = compare(windows(*brought(10, 15)), 1.0, DOUBT)
    surge = compare(windows(*brought(10, 3)), 1.0, DOUBT)
    assert crowd.crowd > crowd.surge + 10
    assert surge.surge > surge.crowd + 10


def test_what_is_usual_is_neither():
    found = compare(windows(), 1.0, DOUBT)
    assert max(found) < 0


def test_the_level_of_the_last_day_is_what_both_are_measured_against():
    more = Windows()
    more.replace([Row(8.0, 12.0, 2.0, 3.0)] * LONGEST)
    assert max(compare(more, 4.0, DOUBT)) < 0 < compare(more, 1.0, DOUBT).crowd


def gamma_poisson(counts, means, alpha):
    size, total, mean = 1.0 / alpha, sum(counts), fsum(means)
    each = fsum(one * log(of_one) for one, of_one in zip(counts, means, strict=True))
    return lgamma(size + total) - lgamma(size) + size * log(size) - (size + total) * log(size + mean) + each


posts = st.lists(st.integers(0, 30), min_size=3, max_size=3)
rises = st.lists(st.floats(0.1, 20.0), min_size=3, max_size=3)


@given(posts, posts, rises, rises)
def test_it_is_the_ratio_of_the_probabilities(negatives, others, more_negative, more_other):
    size, known = 1.0 / DOUBT.volume, 1.0 / DOUBT.volume + sum(others)

    def probability(rise, other_rise):
        of_others = gamma_poisson(others, [3.0 * (1 + more) for more in other_rise], DOUBT.volume)
        level = known / (size + fsum(3.0 * (1 + more) for more in other_rise))
        return of_others + gamma_poisson(
            negatives, [2.0 * level * (1 + more) for more in rise], 1 / known + DOUBT.share
        )

    def fit(counts, rise):
        return fsum(count * log1p(more) for count, more in zip(counts, rise, strict=True))

    window = Window(sum(negatives), sum(others), 6.0, 9.0)
    found = window.ratio(
        fit(negatives, more_negative), 2.0 * sum(more_negative), fit(others, more_other), 3.0 * sum(more_other), DOUBT
    )
    flat = [0.0] * 3
    assert found == pytest.approx(probability(more_negative, more_other) - probability(flat, flat), abs=1e-6)


@given(st.integers(0, 30), st.integers(0, 30))
def test_beside_a_crowd_the_posts_of_each_bucket_are_given(negatives, others):
    doubt, length = Doubt(0.1, 1e-9), 3
    found = windows(*brought(negatives, others, length))
    ratios = [
        exp(rise.prior)
        * np.prod([(1 + more) ** negatives / (1 + 0.4 * more) ** (negatives + others) for more in rise.added])
        for rise in RISES[length]
    ]
    assert apart(found, length, 0.4, doubt) == pytest.approx(log(sum(ratios)), abs=1e-5)


def test_a_share_that_wanders_makes_large_counts_say_less():
    found = windows(*brought(300, 200))
    assert apart(found, 5, 0.4, Doubt(0.1, 0.05)) < apart(found, 5, 0.4, Doubt(0.1, 0.01))


@given(st.floats(-5, 50), st.floats(-50, 50), st.lists(st.floats(-50, 50), min_size=1, max_size=7))
def test_the_likelier_the_crowd_the_more_counts_what_is_said_beside_it(surge, crowd, beside):
    value = with_crowd(surge, crowd, beside)
    apart_alone = with_crowd(-1e9, 1e9, beside)
    assert min(surge, apart_alone) - 1e-6 <= value <= max(surge, apart_alone) + 1e-6
    if crowd < -40:
        assert value == pytest.approx(surge, abs=log1p(exp(-40 + max(beside) + 2 - surge)) + 1e-6)


def opened(negatives, others):
    """The buckets in which episodes open."""
    detector, tracker, found = TopicDetector(), Tracker(), []
    for bucket, (bad, other) in enumerate(zip(negatives.tolist(), others.tolist(), strict=True)):
        detector.add(bucket, negative=True, posts=bad)
        detector.add(bucket, negative=False, posts=other)
        for reading in detector.close(bucket + 1):
            if tracker.follow(reading) is Step.OPENED:
                found.append(bucket)
            detector.outside = tracker.is_open
    return found


def jumping(rate, times, share, hours, seed):
    """Nine days, the last of which brings so many times the posts for some hours."""
    generator = np.random.default_rng(seed)
    usual = np.full(9 * DAY, rate / PER_HOUR) * (1 + 0.5 * np.sin(np.arange(9 * DAY) / DAY * 2 * np.pi))
    usual[8 * DAY : 8 * DAY + hours * PER_HOUR] *= times
    return generator.poisson(usual * share), generator.poisson(usual * (1 - share))


def test_jumps_to_many_times_the_posts_with_the_usual_mix_open_next_to_nothing():
    jumps = [(rate, times, share) for rate in (5, 15, 50) for times in (6, 25) for share in (0.4, 0.6)]
    found = [
        any(at >= 8 * DAY for at in opened(*jumping(rate, times, share, 12, seed)))
        for seed, (rate, times, share) in enumerate(jumps)
    ]
    assert sum(found) <= 1


@pytest.mark.parametrize("rate", [30, 300])
def test_a_surge_within_a_crowd_is_seen(rate):
    negatives, others = jumping(rate, 5, 0.4, 12, 1)
    onset = 8 * DAY + 5 * PER_HOUR
    usual = negatives[onset - 2 * PER_HOUR : onset].mean()
    negatives[onset : onset + 2 * PER_HOUR] += np.random.default_rng(2).poisson(5 * usual, 2 * PER_HOUR)
    assert any(onset <= at <= onset + 2 * PER_HOUR for at in opened(negatives, others))


@pytest.mark.parametrize("rate", [60, 200])
def test_a_surge_a_quarter_of_which_is_called_positive_is_no_crowd(rate):
    negatives, others = jumping(rate, 1, 0.5, 1, 3)
    onset, generator = 8 * DAY + 5 * PER_HOUR, np.random.default_rng(4)
    rise = np.minimum(np.exp(np.linspace(-3, 0.75, 30)), 1) * rate / 24 * 6  # two hours up, half an hour at the peak
    negatives[onset : onset + len(rise)] += generator.poisson(rise * 3 / 4)
    others[onset : onset + len(rise)] += generator.poisson(rise / 4)
    assert any(onset <= at <= onset + len(rise) for at in opened(negatives, others))
