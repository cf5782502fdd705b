"""The small pure parts: the statistic, the windows, rising terms, severity, the rules of others."""

from collections import Counter
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.episodes import CALM, LONGEST, Severity, Step, Tracker, severity_of
from vigie_api.watch.reading import Reading
from vigie_api.watch.rules import Fixed, Meltwater, ShareDip, Sigma
from vigie_api.watch.scan import surprise
from vigie_api.watch.terms import Usual, rising, terms_of
from vigie_api.watch.windows import LENGTHS, Row, Windows

positive = st.floats(0.01, 1e4)
spread = st.floats(0.0, 2.0)


@given(st.integers(0, 10_000), positive, spread)
def test_more_posts_surprise_more(count, expected, alpha):
    assert surprise(count + 1, expected, alpha) >= surprise(count, expected, alpha) >= 0


@given(st.integers(1, 10_000), positive, spread, spread)
def test_the_more_a_rate_wanders_the_less_a_count_surprises(count, expected, one, other):
    low, high = sorted((one, other))
    assert surprise(count, expected, high) <= surprise(count, expected, low) + 1e-6


def test_the_statistic_is_near_a_normal_quantile():
    # 20 or more where 10 are expected has a Poisson probability of 0.00345, which is 2.70 standard deviations.
    assert surprise(20, 10.0, 0.0) == pytest.approx(2.70, abs=0.1)
    assert surprise(9, 10.0, 0.0) == 0.0


rows = st.lists(st.builds(Row, *[st.integers(0, 50).map(float)] * 4), min_size=1, max_size=150)


@given(rows)
def test_windows_are_sums_of_the_last_rows(some):
    pushed, replaced = Windows(), Windows()
    for row in some:
        pushed.push(row)
    replaced.replace(some)
    for (length, sums), (_, also) in zip(pushed, replaced, strict=True):
        expected = np.sum(np.array(some[-length:]), axis=0)
        assert sums == pytest.approx(expected)
        assert also == pytest.approx(expected)
    assert [length for length, _ in pushed] == list(LENGTHS)


def test_terms_leave_out_mentions_and_addresses():
    assert terms_of("@air L'avion est EN RETARD https://t.co/x #greve &amp; 42") == {
        "l'avion",
        "est",
        "retard",
        "#greve",
    }


def test_the_words_that_rose_come_first_and_the_usual_ones_not_at_all():
    usual = Usual()
    for _ in range(300):
        usual.add("the flight was late and the crew was rude")
    words = Counter()
    for number in range(40):
        words.update(terms_of(f"the flight was late strike {'pilots' if number % 2 else 'unions'}"))
    found = rising(words, 40, usual)
    assert found[0] == "strike"
    assert set(found[1:3]) == {"pilots", "unions"}
    assert "flight" not in found
    assert rising(Counter(), 0, usual) == []


def test_the_table_of_usual_words_is_bounded():
    usual = Usual()
    for number in range(9_000):
        usual.add("common word" + "".join(chr(97 + int(digit)) for digit in str(number)))
    assert len(usual.counts) <= 8_000
    assert usual.counts["common"] > 0


def reading(bucket, *, surging=False, seen=10, expected=3.0):
    return Reading(bucket, 0.0, bucket - 2, seen, expected, surging, 2, 5, 1.0)


@pytest.mark.parametrize(
    ("seen", "expected", "severity"),
    [(10, 3.0, Severity.WATCH), (20, 4.0, Severity.SERIOUS), (14, 1.0, Severity.WATCH), (80, 8.0, Severity.CRITICAL)],
)
def test_severity_needs_both_a_ratio_and_a_number(seen, expected, severity):
    assert severity_of(reading(0, seen=seen, expected=expected)) is severity


def test_an_episode_opens_escalates_and_closes():
    tracker = Tracker()
    assert [tracker.follow(reading(bucket)) for bucket in range(5)] == [None] * 5
    assert tracker.follow(reading(5, surging=True)) is Step.OPENED
    assert tracker.episode is not None
    assert (tracker.episode.onset, tracker.episode.negatives, tracker.episode.expected) == (3, 6, 3.0)
    assert tracker.follow(reading(6, surging=True, seen=40, expected=5.0)) is Step.ESCALATED
    steps = [tracker.follow(reading(bucket)) for bucket in range(7, 7 + CALM)]
    assert steps[-1] is Step.CLOSED
    assert set(steps[:-1]) == {None}
    assert not tracker.is_open
    assert tracker.episode.share == 0.4
    assert tracker.follow(reading(100)) is None
    assert tracker.episode is None


def test_an_episode_without_end_is_the_new_normal():
    tracker = Tracker()
    steps = [tracker.follow(reading(bucket, surging=True)) for bucket in range(LONGEST + 2)]
    assert [step for step in steps if step] == [Step.OPENED, Step.CLOSED, Step.OPENED]


@given(st.lists(st.booleans(), max_size=300))
def test_openings_and_closings_alternate(surges):
    tracker = Tracker()
    steps = [tracker.follow(reading(bucket, surging=surge)) for bucket, surge in enumerate(surges)]
    balance = list(accumulate({Step.OPENED: 1, Step.CLOSED: -1}.get(step, 0) for step in steps))
    assert set(balance) <= {0, 1}


@pytest.mark.parametrize("rule", [Meltwater(), Sigma(), Fixed(least=20), ShareDip()])
def test_the_rules_of_others_are_calm_in_calm_and_see_what_they_are_made_for(rule):
    def play(first, hours, negative, other):
        surging = False
        for bucket in range(first, first + hours * PER_HOUR):
            rule.add(bucket, negative=True, posts=negative)
            rule.add(bucket, negative=False, posts=other)
            surging |= any(one.surging for one in rule.close(bucket + 1))
        return surging

    assert not play(0, 9 * 24, 1, 1)
    assert play(9 * 24 * PER_HOUR, 12, 9, 1)
    assert not rule.add(0, negative=True)


def test_a_stop_word_that_rose_says_nothing():
    usual = Usual()
    for _ in range(50):
        usual.add("good flight, thanks")
    assert rising(Counter({"for": 30, "pour": 30, "strike": 30}), 40, usual) == ["strike"]
