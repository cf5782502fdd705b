"""The watch through the page's client and the real API: posts in, read, corrected, filtered, counted, and episodes."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from vigie_api.episodes import schema as episode_schema
from vigie_api.mentions import listing_schema
from vigie_ui.client import ApiError, Reason, VigieClient
from vigie_ui.episode_answers import Episode, Episodes
from vigie_ui.feed import Sayings
from vigie_ui.mention_answers import Mention, Mentions
from vigie_ui.post import Post
from vigie_ui.selection import PERIODS, Selection
from vigie_ui.topic_answers import Bucket, EpisodeMark, LastHour, RisingTerm, Topic, Topics, Trends

NOBODY = "019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"


@pytest.fixture
def watched(running, grumbler, tmp_path):
    """A client in front of an API of its own that took in some posts, once they are read and counted."""
    now = datetime.now(UTC)
    posts = [
        {
            "source": "x" if number % 2 else "bluesky",
            "external_id": str(number),
            "topic": "Air Paradis",
            "text": f"Où est ma valise numéro {number}",
            "created_at": (now - timedelta(minutes=20 + number)).isoformat(),
            "url": f"https://example.org/{number}",
            "reach": 10 * number,
        }
        for number in range(1, 6)
    ]
    with running(tmp_path, grumbler) as url, VigieClient(url) as client:
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
            # The database is prepared while the API answers already.
            while (answer := http.post("/v1/mentions", json={"mentions": posts})).status_code == 503:
                time.sleep(0.05)
        assert answer.json()["accepted"] == len(posts)
        while not client.topics().topics or client.topics().topics[0].posts_24h < len(posts):
            time.sleep(0.1)
        yield client


def test_posts_come_newest_first_in_pages_and_by_filter(watched):
    first = watched.mentions(2)
    assert [one.external_id for one in first.mentions] == ["1", "2"]
    rest = watched.mentions(50, cursor=first.next_cursor)
    assert ([one.external_id for one in rest.mentions], rest.next_cursor) == (["3", "4", "5"], None)
    assert {one.source for one in watched.mentions(50, source="x").mentions} == {"x"}
    assert watched.mentions(50, sentiment="positive").mentions == ()
    one = first.mentions[0]
    assert (one.sentiment, one.url, one.reach, one.verdict) == ("negative", "https://example.org/1", 10, None)


def test_a_post_is_corrected_where_it_stands_and_the_list_knows(watched):
    (one,) = watched.mentions(1).mentions
    sayings, post = Sayings(), Post()
    sayings.judge(one, right=False, post=post)
    post.deliver(watched, datetime.now(UTC))
    assert post.waiting() == 0
    (corrected,) = watched.mentions(1).mentions
    assert (corrected.verdict, corrected.correction) == ("wrong", "positive")
    sayings.take_back(one, post)
    post.deliver(watched, datetime.now(UTC))
    assert watched.mentions(1).mentions[0].verdict == "correct"


@pytest.mark.parametrize("period", PERIODS)
def test_every_period_of_the_page_is_one_that_the_api_takes(watched, period):
    chosen = Selection(topic="Air Paradis", period=period)
    found = watched.trends(**chosen.query(), **chosen.window(datetime.now(UTC)))
    assert sum(bucket.posts for bucket in found.buckets) == 5


def test_every_filter_of_the_page_is_one_that_the_api_takes(watched):
    chosen = Selection(topic="Air Paradis", source="x", language="fr", sentiment="negative")
    now = datetime.now(UTC)
    assert sum(bucket.posts for bucket in watched.trends(**chosen.query(), **chosen.window(now)).buckets) == 3
    since = chosen.window(now)["since"]
    assert len(watched.mentions(50, **chosen.query(), sentiment="negative", since=since).mentions) == 3


def test_a_topic_tells_how_it_does(watched):
    (found,) = watched.topics().topics
    assert (found.topic, found.state, found.last_hour.negatives) == ("Air Paradis", "learning", 5)
    assert set(found.sources) == {"x", "bluesky"}


def test_without_episodes_the_lists_are_empty(watched):
    assert (watched.episodes(5, state="open").open, watched.episodes(5, state="closed", topic="x").episodes) == (0, ())


@pytest.mark.parametrize("unknown", [NOBODY, "../feedback", "é"])
def test_a_name_of_no_episode_is_told_apart(watched, unknown):
    for call in (
        lambda: watched.episode(unknown),
        lambda: watched.change_episode(unknown, assignee="Léa"),
        lambda: watched.episode_report(unknown, "fr"),
    ):
        with pytest.raises(ApiError) as caught:
            call()
        assert caught.value.reason in (Reason.MISSING, Reason.UNREADABLE)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (episode_schema.TopicsOut, Topics),
        (episode_schema.TopicNow, Topic),
        (episode_schema.LastHour, LastHour),
        (episode_schema.TrendsOut, Trends),
        (episode_schema.TrendBucket, Bucket),
        (episode_schema.TrendEpisode, EpisodeMark),
        (episode_schema.RisingTerm, RisingTerm),
        (episode_schema.EpisodePage, Episodes),
        (episode_schema.EpisodeDetail, Episode),
        (episode_schema.EpisodePost, Mention),
        (listing_schema.MentionsPage, Mentions),
    ],
)
def test_every_key_that_the_page_reads_is_one_that_the_api_sends(theirs, ours):
    assert ours.model_fields.keys() <= theirs.model_fields.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"acknowledged": True},
        {"assignee": "Léa", "note": "communiqué à midi"},
        {"assignee": None, "note": None},
        {"false_alarm": True},
        {"false_alarm": False},
    ],
)
def test_every_change_that_the_page_makes_is_one_that_the_api_takes(changes):
    assert episode_schema.EpisodePatch.model_validate(changes)
