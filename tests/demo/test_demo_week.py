"""The made-up week is the same whenever it is made, says what it is, and holds one surge."""

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo_week.py"
NOW = datetime(2026, 11, 2, 10, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def week():
    spec = importlib.util.spec_from_file_location("demo_week", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def corpus(week):
    return week.Corpus()


def by_id(mentions):
    return {mention["external_id"]: mention for mention in mentions}


def test_another_run_makes_the_same_posts_and_those_of_the_time_since(week, corpus):
    start = NOW - timedelta(days=2)
    first = by_id(week.ordinary(corpus, start, NOW))
    second = by_id(week.ordinary(corpus, start, NOW + timedelta(hours=3)))
    assert len(second) > len(first) > 100
    assert {name: second[name] for name in first} == first


def test_a_day_has_one_surge_whenever_it_is_asked_for(week, corpus):
    surge = by_id(week.surge(corpus, NOW))
    assert len(surge) == week.SURGE_POSTS
    assert surge.keys() == by_id(week.surge(corpus, NOW + timedelta(hours=2))).keys()
    assert all(NOW - week.SURGE_LASTS <= datetime.fromisoformat(one["created_at"]) <= NOW for one in surge.values())


def test_the_surge_tells_one_story_that_the_ordinary_days_do_not(week, corpus):
    told = [mention["text"] for mention in week.surge(corpus, NOW)]
    ordinary = {mention["text"] for mention in week.ordinary(corpus, NOW - timedelta(days=7), NOW)}
    assert not ordinary & set(told)
    assert all(week.STRIKE.search(text) or week.STRANDED.search(text) for text in told)
    assert sum(bool(week.STRIKE.search(text)) for text in told) > len(told) / 3
    # First come the flights, then those who wait for them.
    assert sum(bool(week.STRIKE.search(text)) for text in told[:20]) > 10


@pytest.mark.parametrize("days", [7, 8, 9, 10, 11])
def test_a_week_has_an_episode_that_is_over_whenever_it_is_asked_for(week, corpus, days):
    now = NOW + timedelta(days=days)
    lost = by_id(week.lost(corpus, now - timedelta(days=7), now))
    assert len(lost) in (week.LOST_POSTS, 2 * week.LOST_POSTS)
    assert {one["topic"] for one in lost.values()} == {week.BAGS}
    times = [datetime.fromisoformat(one["created_at"]) for one in lost.values()]
    assert now - timedelta(days=7) <= min(times) <= max(times) <= now - week.LOST_AGO
    later = by_id(week.lost(corpus, now - timedelta(days=7), now + timedelta(hours=3)))
    assert {name: later[name] for name in lost} == lost


def test_every_post_is_marked_is_in_the_past_and_has_a_text_of_its_own_in_the_surge(week, corpus):
    mentions = [*week.ordinary(corpus, NOW - timedelta(days=1), NOW), *week.surge(corpus, NOW)]
    assert {mention["source"] for mention in mentions} == {"demo"}
    assert all(datetime.fromisoformat(mention["created_at"]) <= NOW for mention in mentions)
    texts = [mention["text"] for mention in week.surge(corpus, NOW)]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("hour", range(24))
def test_no_hour_is_silent_nor_above_the_busiest(week, hour):
    assert 0 < week.busy(datetime(2026, 11, 2, hour, tzinfo=UTC)) <= 1
