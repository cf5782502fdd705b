"""Posts are counted by source and language as they are counted by topic: each once, and for good."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete

from vigie_api.episodes.schema import TrendsQuery
from vigie_api.episodes.table import mention_counts
from vigie_api.episodes.trends import read_trends
from vigie_api.mentions.table import mentions
from vigie_api.prediction.table import predictions


@pytest.fixture
def posts(simulate):
    everything = simulate(days=1.5, surge=None)
    sources = ("x", "bluesky", "reviews")
    return [replace(post, source=sources[number % 7 % 3]) for number, post in enumerate(everything)]


@pytest.mark.parametrize("restart", [False, True])
def test_every_post_is_counted_once_in_each_step_whatever_restarts(live, posts, restart):
    live.restart = restart
    live.play([*posts, *(replace(post, at=post.at + timedelta(minutes=1)) for post in posts[-20:])])
    for step_s in (300, 3_600, 86_400):
        counted: Counter[tuple[str, bool]] = Counter()
        for row in live.rows(mention_counts):
            if row["step_s"] == step_s:
                assert row["at"].timestamp() % step_s == 0
                assert row["language"] == "fr"
                counted[row["source"], True] += row["negatives"]
                counted[row["source"], False] += row["posts"] - row["negatives"]
        assert counted == Counter((post.source, post.negative) for post in [*posts, *posts[-20:]])


def test_the_counts_of_a_source_outlive_its_posts(live, posts):
    live.play(posts)
    since, until = posts[0].at.replace(minute=0, second=0), live.now
    period = {"since": since.isoformat(), "until": until.isoformat()}

    def read(**part):
        query = TrendsQuery.model_validate(period | part)
        with live.database.engine.connect() as connection, connection.begin():
            return read_trends(connection, query, live.now)

    whole = read(step="1h")
    before = {source: read(step="1h", source=source).buckets for source in ("x", "bluesky", "reviews")}
    french = read(step="1h", language="fr", topic=["Air Paradis", "Another"])
    for at, bucket in enumerate(whole.buckets):
        assert bucket.posts == sum(of_source[at].posts for of_source in before.values()) == french.buckets[at].posts
        assert bucket.negatives == sum(of_source[at].negatives for of_source in before.values())
    assert sum(bucket.posts for bucket in whole.buckets) == len(posts)
    assert before["reviews"] != before["bluesky"]
    with live.database.engine.connect() as connection, connection.begin():
        for table in (mentions, predictions):
            connection.execute(delete(table))
    assert {source: read(step="1h", source=source).buckets for source in before} == before
    assert read(step="1h", language="en").buckets[0].posts == 0


def test_the_words_of_a_source_are_those_of_its_negative_posts(live, post):
    since = live.now
    words = ("turbulence escale équipage", "guichet bagage remboursement")
    posts = [
        post(
            since + timedelta(minutes=number),
            True,
            f"{words[number % 2]} numéro {number}",
            source=("x", "y")[number % 2],
        )
        for number in range(40)
    ]
    live.play(posts, since + timedelta(hours=1))
    query = TrendsQuery.model_validate({"since": since.isoformat(), "until": live.now.isoformat(), "source": "y"})
    with live.database.engine.connect() as connection, connection.begin():
        for more in ({}, {"language": "fr"}, {"topic": ["Air Paradis"]}, {"topic": ["Air Paradis", "Another"]}):
            terms = {term.term for term in read_trends(connection, query.model_copy(update=more), live.now).terms}
            assert "remboursement" in terms
            assert "turbulence" not in terms
