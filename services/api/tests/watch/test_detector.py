"""The detector: sees a surge, sleeps through what is none, forgets nothing at a restart."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.detector import TopicDetector
from vigie_api.watch.episodes import Step, Tracker
from vigie_api.watch.reading import Sensitivity

DAY = 24 * PER_HOUR
START = 5_000 * DAY


def watch(negatives, others, detector=None, tracker=None, start=START):
    """Steps of the episodes, with the bucket of each, that such counts by bucket lead to."""
    detector, tracker = detector or TopicDetector(), tracker or Tracker()
    steps = []
    for bucket, (negative, other) in enumerate(zip(negatives, others, strict=True), start):
        for _ in range(negative):
            detector.add(bucket, negative=True)
        for _ in range(other):
            detector.add(bucket, negative=False)
        for reading in detector.close(bucket + 1):
            if step := tracker.follow(reading):
                steps.append((step, reading.bucket - start))
            detector.outside = tracker.is_open
    return steps


def ordinary(days, rate, share, seed):
    """Posts with a day and a night."""
    generator = np.random.default_rng(seed)
    hour = np.arange(days * DAY) / PER_HOUR % 24
    usual = rate / PER_HOUR * (1 - 0.7 * np.cos(hour / 24 * 2 * np.pi))
    return generator.poisson(usual * share), generator.poisson(usual * (1 - share))


@pytest.mark.parametrize("rate", [20, 100, 500])
def test_a_surge_is_seen_before_its_peak_and_its_episode_ends(rate):
    negatives, others = ordinary(10, rate, 0.4, 1)
    onset, rise = 9 * DAY + 10 * PER_HOUR, 3 * PER_HOUR
    more = rate / PER_HOUR * 0.4 * 4 * np.exp(np.linspace(-3, 0, rise))
    negatives[onset : onset + rise] += np.random.default_rng(2).poisson(more)
    steps = [(step, at) for step, at in watch(negatives, others) if at >= onset]
    assert [step for step, _ in steps if step is not Step.ESCALATED] == [Step.OPENED, Step.CLOSED]
    assert onset < steps[0][1] <= onset + rise
    assert onset + rise < steps[-1][1] < onset + rise + 6 * PER_HOUR


@pytest.mark.parametrize("rate", [5, 20, 100, 500])
def test_calm_days_raise_less_than_one_alarm_a_week(rate):
    opened = [step for seed in range(3) for step, _ in watch(*ordinary(14, rate, 0.4, seed)) if step is Step.OPENED]
    assert len(opened) <= 6  # in six topic-weeks, the first ones included


def test_a_happy_crowd_raises_nothing():
    negatives, others = ordinary(10, 100, 0.4, 3)
    others[9 * DAY : 9 * DAY + 4 * PER_HOUR] += np.random.default_rng(4).poisson(30, 4 * PER_HOUR)
    assert watch(negatives, others) == []


def test_a_crowd_with_the_usual_mix_raises_nothing():
    negatives, others = ordinary(10, 100, 0.4, 5)
    crowd, generator = slice(9 * DAY, 9 * DAY + 4 * PER_HOUR), np.random.default_rng(6)
    negatives[crowd] += generator.poisson(8, 4 * PER_HOUR)
    others[crowd] += generator.poisson(12, 4 * PER_HOUR)
    assert watch(negatives, others) == []


def test_a_quiet_topic_that_suddenly_brings_many_posts_of_its_usual_mix_raises_nothing():
    bucket = np.arange(10 * DAY)
    negatives, others = (bucket % 12 == 0).astype(int), (bucket % 18 == 7).astype(int)  # three of five are negative
    crowd = slice(8 * DAY + 12 * PER_HOUR, 8 * DAY + 20 * PER_HOUR)
    negatives[crowd], others[crowd] = 6, 4  # instead of two an hour: 120
    assert Step.OPENED not in [step for step, _ in watch(negatives, others)]


def test_a_surge_that_may_be_a_crowd_is_believed_at_the_second_reading():
    negatives, others = ordinary(9, 50, 0.4, 5)
    noon = 8 * DAY + 12 * PER_HOUR
    negatives[noon : noon + 6] = 10  # six times the usual ones
    others[noon : noon + 6] = 8  # more than three times
    detector, enough = TopicDetector(), []
    for bucket in range(noon + 6):
        detector.add(START + bucket, negative=True, posts=int(negatives[bucket]))
        detector.add(START + bucket, negative=False, posts=int(others[bucket]))
        readings = detector.close(START + bucket + 1)
        enough += [reading.surging for reading in readings if reading.evidence >= detector.sensitivity.threshold]
    assert enough == [False, True, True]


def test_the_return_after_a_hole_raises_nothing():
    negatives, others = ordinary(10, 100, 0.4, 7)
    hole = slice(8 * DAY + 3 * PER_HOUR, 9 * DAY + 9 * PER_HOUR)
    negatives[hole] = others[hole] = 0
    assert watch(negatives, others) == []


def test_weeks_without_a_post_are_passed_over():
    detector = TopicDetector()
    watch(*ordinary(8, 50, 0.4, 8), detector)
    rates = detector.baseline.rates.copy()
    late = START + 5_000 * DAY
    assert detector.add(late, negative=True)
    readings = detector.close(late + 1)
    assert len(readings) < 9 * DAY
    assert readings[-1].bucket == late
    assert np.allclose(detector.baseline.rates, rates, rtol=0.2)


def test_nothing_is_said_on_the_first_day():
    negatives, others = ordinary(1, 100, 0.4, 9)
    negatives[200:220] += 50
    assert watch(negatives, others) == []


def test_a_day_of_history_is_enough_to_see_a_large_surge():
    negatives, others = ordinary(2, 50, 0.4, 10)
    onset = DAY + 8 * PER_HOUR
    negatives[onset : onset + 2 * PER_HOUR] += 8
    opened = [at for step, at in watch(negatives, others) if step is Step.OPENED]
    assert [onset <= at <= onset + PER_HOUR for at in opened] == [True]


def test_late_posts_open_their_bucket_again():
    negatives, others = ordinary(9, 50, 0.4, 11)
    detector, tracker = TopicDetector(), Tracker()
    assert watch(negatives, others, detector, tracker) == []
    now = START + 9 * DAY
    for bucket in range(now - PER_HOUR, now):
        for _ in range(8):
            assert detector.add(bucket, negative=True)
    assert detector.close(now + 1)[0].surging


def test_a_post_that_is_days_late_counts_no_more():
    detector = TopicDetector()
    watch(*ordinary(3, 50, 0.4, 12), detector)
    assert not detector.add(START + DAY, negative=True)


def test_late_posts_show_that_a_hole_was_none():
    negatives, others = ordinary(9, 100, 0.4, 13)
    negatives[-DAY // 4 :] = others[-DAY // 4 :] = 0
    detector = TopicDetector()
    watch(negatives, others, detector)
    hour = START + 9 * DAY - 2 * PER_HOUR
    assert hour in detector.state()["holes"]
    detector.add(hour, negative=False)
    assert hour not in detector.state()["holes"]


@settings(deadline=None, max_examples=25)
@given(
    cut=st.integers(1, 2 * DAY),
    rate=st.sampled_from([1, 20, 200]),
    seed=st.integers(0, 1_000),
    surge=st.booleans(),
)
def test_a_restart_changes_no_reading(cut, rate, seed, surge):
    negatives, others = ordinary(3, rate, 0.4, seed)
    if surge:
        negatives[DAY + 100 : DAY + 140] += 5
    one, follows = TopicDetector(Sensitivity(least_count=3)), Tracker()
    watch(negatives[:cut], others[:cut], one, follows)
    other = TopicDetector.from_state(json.loads(json.dumps(one.state())))
    also = Tracker.from_state(json.loads(json.dumps(follows.state())))
    rest = (negatives[cut:], others[cut:])
    start = START + cut
    assert watch(*rest, one, follows, start) == watch(*rest, other, also, start)
    assert one.state()["counts"] == other.state()["counts"]
    assert np.allclose(one.baseline.rates, other.baseline.rates)
    assert one.sensitivity == other.sensitivity
    assert (follows.episode is None) == (also.episode is None)


@settings(deadline=None, max_examples=20)
@given(
    posts=st.lists(st.tuples(st.integers(0, 600), st.booleans()), min_size=1, max_size=200),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_posts_within_what_is_open_does_not_matter(posts, order):
    shuffled = list(posts)
    order.shuffle(shuffled)
    states = []
    for sequence in (posts, shuffled):
        detector = TopicDetector()
        detector.add(START, negative=False)
        for offset, negative in sequence:
            detector.add(START + offset, negative=negative)
        states.append((detector.close(START + 700), detector.state()["counts"]))
    assert states[0] == states[1]
