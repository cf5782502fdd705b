"""The misprediction rule: 3 predictions judged wrong with less than 300 s between the first and the third."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.alerts.rule import Policy, Wrong, burst, taking_in

START = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)
POLICY = Policy()


def wrong(*seconds: float) -> list[Wrong]:
    return [Wrong(f"p{n}", START + timedelta(seconds=at)) for n, at in enumerate(seconds)]


@pytest.mark.parametrize(
    ("last_s", "alerts"),
    [(0.0, True), (299.0, True), (299.9, True), (299.999999, True), (300.0, False), (301.0, False)],
)
def test_the_third_must_come_less_than_300_s_after_the_first(last_s, alerts):
    assert (burst(wrong(0, last_s / 2, last_s), POLICY) is not None) is alerts


def test_two_are_not_enough_and_a_burst_is_found_among_old_verdicts():
    assert burst(wrong(0, 1), POLICY) is None
    found = burst(wrong(0, 1_000, 2_000, 2_100, 2_299.9), POLICY)
    assert [verdict.prediction_id for verdict in found] == ["p2", "p3", "p4"]


def test_several_verdicts_on_one_prediction_count_once_at_the_latest():
    again = Wrong("p0", START + timedelta(seconds=400))
    assert burst([*wrong(0, 1), Wrong("p0", START + timedelta(seconds=2))], POLICY) is None
    assert burst([*wrong(0, 1, 2), again], POLICY) is None


def test_only_a_burst_that_holds_the_new_verdict_is_of_interest():
    assert burst(wrong(0, 1, 2, 900), POLICY, holding="p3") is None
    assert burst(wrong(0, 1, 2, 200), POLICY, holding="p3") == tuple(wrong(0, 1, 2, 200)[1:])


times = st.lists(st.integers(0, 2_000_000_000).map(lambda us: us / 1e6), max_size=12)
policies = st.builds(Policy, count=st.integers(2, 5), window_s=st.sampled_from([0.5, 60.0, 300.0]))


@given(times, policies, st.randoms())
def test_it_agrees_with_trying_every_subset_of_neighbours_in_any_order(seconds, policy, random):
    verdicts = wrong(*seconds)
    ordered = sorted(seconds)
    spans = [b - a for a, b in zip(ordered, ordered[policy.count - 1 :], strict=False)]
    random.shuffle(verdicts)
    found = burst(verdicts, policy)
    assert (found is not None) == any(timedelta(seconds=span) < policy.window for span in spans)
    if found is not None:
        assert len({verdict.prediction_id for verdict in found}) == policy.count
        assert found[-1].received_at - found[0].received_at < policy.window


@given(times, st.floats(-1e6, 1e6))
def test_it_does_not_matter_when_it_all_happened(seconds, shift_s):
    moved = [Wrong(v.prediction_id, v.received_at + timedelta(seconds=shift_s)) for v in wrong(*seconds)]
    here, there = burst(wrong(*seconds), POLICY), burst(moved, POLICY)
    assert [v.prediction_id for v in here or ()] == [v.prediction_id for v in there or ()]


@given(times, st.data())
def test_one_verdict_less_never_makes_a_burst(seconds, data):
    verdicts = wrong(*seconds)
    if verdicts and burst(verdicts, POLICY) is None:
        verdicts.remove(data.draw(st.sampled_from(verdicts)))
        assert burst(verdicts, POLICY) is None


@given(times.filter(len), st.data())
def test_what_holds_the_new_verdict_is_found_among_its_nearest_neighbours(seconds, data):
    """So that no more than two on either side have to be read from the database."""
    verdicts = sorted(wrong(*seconds), key=lambda verdict: (verdict.received_at, verdict.prediction_id))
    at = data.draw(st.integers(0, len(verdicts) - 1))
    near = verdicts[max(0, at - 2) : at + 3]
    new = verdicts[at].prediction_id
    assert (burst(near, POLICY, holding=new) is None) == (burst(verdicts, POLICY, holding=new) is None)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("received_s", "taken_in"),
    [(0, 0), (3_599.9, 0), (3_600, None), (5_000, None), (-299, 0), (-3_599.9, 0), (-3_600, None)],
)
def test_an_alert_takes_in_what_comes_within_its_cooldown_or_reaches_the_database_late(received_s, taken_in):
    assert taking_in([at(0)], at(received_s), POLICY) == taken_in


def test_of_several_alerts_the_latest_that_was_open_takes_it_in_else_the_next_one():
    opened = [at(0), at(2_000), at(9_000)]
    assert taking_in(opened, at(2_500), POLICY) == 1
    assert taking_in(opened, at(8_000), POLICY) == 2
    assert taking_in([], at(0), POLICY) is None


def test_without_a_cooldown_an_alert_takes_in_only_what_came_before_it():
    policy = Policy(cooldown_s=0)
    assert taking_in([at(0)], at(1), policy) is None
    assert taking_in([at(0)], at(-1), policy) == 0
    assert taking_in([at(0)], at(-300), policy) is None
