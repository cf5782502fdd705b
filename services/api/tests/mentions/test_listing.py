"""Mentions are listed newest first, narrowed by every filter, a page at a time, however rare what is looked for."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from vigie_api.champion.source import FixedSource
from vigie_api.episodes.table import episodes
from vigie_api.mentions import listing
from vigie_api.mentions.table import mentions
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def settings(settings, database_url):
    return Settings(**settings.model_dump() | {"database_url": database_url})


@pytest.fixture
async def filled(running, settings, mention, moody):
    """Twelve posts, an hour apart, the first the oldest; every third is negative, every fourth is about trains."""
    async with running(settings, FixedSource(moody)) as api:
        await api.services.mentions.take(
            [
                mention(
                    n,
                    created_at=NOW - timedelta(hours=12 - n),
                    text="Cancelled: cancelled." if n % 3 == 0 else "Great!",
                    topic="Trains" if n % 4 == 0 else "Air Paradis",
                    source="x" if n % 2 else "bluesky",
                    url=f"https://example.org/{n}",
                    reach=n,
                )
                for n in range(12)
            ]
        )
        await api.judged()
        yield api


async def _numbers(api, **query):
    said = await api.client.get("/v1/mentions", params=query)
    assert said.status_code == 200, said.text
    return [mention["reach"] for mention in said.json()["mentions"]]


async def test_a_mention_is_told_with_what_the_model_and_people_said(filled):
    (newest, *_) = (await filled.client.get("/v1/mentions")).json()["mentions"]
    assert newest | {"id": "", "received_at": "", "created_at": ""} == {
        "id": "",
        "source": "x",
        "external_id": "post-11",
        "topic": "Air Paradis",
        "created_at": "",
        "received_at": "",
        "text": "Great!",
        "url": "https://example.org/11",
        "reach": 11,
        "sentiment": "positive",
        "score": 0.9,
        "confidence": 0.9,
        "uncertain": False,
        "language": "en",
        "model_version": "1",
        "counted": None,
        "verdict": None,
        "correction": None,
    }
    assert datetime.fromisoformat(newest["created_at"]) == NOW - timedelta(hours=1)
    await filled.client.post("/v1/feedback", json={"prediction_id": newest["id"], "verdict": "wrong"})
    (judged, *_) = (await filled.client.get("/v1/mentions")).json()["mentions"]
    assert (judged["verdict"], judged["correction"], judged["sentiment"]) == ("wrong", "negative", "positive")


async def test_a_post_that_waits_is_listed_with_its_text_and_without_a_sentiment(api, mention):
    api.services.serving.current = None
    await api.services.mentions.take([mention(1)])
    (waiting,) = (await api.client.get("/v1/mentions")).json()["mentions"]
    assert (waiting["text"], waiting["sentiment"], waiting["score"]) == ("My flight 1 was cancelled.", None, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"topic": "Trains"}, [8, 4, 0]),
        ({"topic": "Boats"}, []),
        ({"source": "bluesky"}, [10, 8, 6, 4, 2, 0]),
        ({"sentiment": "negative"}, [9, 6, 3, 0]),
        ({"language": "en", "limit": 2}, [11, 10]),
        ({"language": "fr"}, []),
        ({"since": (NOW - timedelta(hours=2)).isoformat()}, [11, 10]),
        ({"until": (NOW - timedelta(hours=10)).isoformat()}, [1, 0]),
        ({"topic": "Trains", "sentiment": "negative", "source": "bluesky"}, [0]),
        ({"counted": "true"}, []),
    ],
)
async def test_each_filter_keeps_what_it_says(filled, query, expected):
    assert await _numbers(filled, **query) == expected


async def test_what_the_watch_left_out_can_be_listed(filled):
    left_out = update(mentions).where(mentions.c.reach.in_([3, 5])).values(counted=False)
    await filled.services.database.write(lambda c: c.execute(left_out))
    assert await _numbers(filled, counted=False) == [5, 3]


async def test_pages_follow_each_other_without_a_gap_even_among_posts_of_one_moment(running, settings, mention):
    async with running(settings) as api:
        await api.services.mentions.take([mention(n, created_at=NOW, reach=n) for n in range(7)])
        seen, cursor = [], {}
        while cursor is not None:
            page = (await api.client.get("/v1/mentions", params={"limit": 3} | cursor)).json()
            seen += [found["reach"] for found in page["mentions"]]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert sorted(seen) == list(range(7))
    assert len(seen) == 7


async def test_what_is_rare_is_found_over_several_pages_none_of_which_looks_at_too_many(filled, monkeypatch):
    monkeypatch.setattr(listing, "LOOKED_AT", 5)
    pages, cursor = [], {}
    while cursor is not None:
        page = (
            await filled.client.get("/v1/mentions", params={"topic": "Air Paradis", "source": "bluesky"} | cursor)
        ).json()
        pages.append([found["reach"] for found in page["mentions"]])
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert pages == [[10, 6], [2]]


async def _episode(api, **changed):
    values = {
        "id": "e1", "topic": "Air Paradis", "state": "open", "severity": "watch", "onset_at": NOW - timedelta(hours=6),
        "opened_at": NOW, "closed_at": None, "updated_at": NOW, "negatives": 1, "posts": 1, "expected": 1.0,
        "peak_ratio": 1.0, "terms": [], "post_ids": {}, "false_alarm": False,
    }  # fmt: skip
    await api.services.database.write(lambda c: c.execute(insert(episodes).values(values | changed)))


async def test_an_episode_has_the_posts_of_its_topic_from_its_onset_to_its_end(filled):
    await _episode(filled)
    await _episode(filled, id="e2", state="closed", closed_at=NOW - timedelta(hours=3))
    assert await _numbers(filled, episode="e1") == [11, 10, 9, 7, 6]
    assert await _numbers(filled, episode="e2") == [7, 6]
    assert await _numbers(filled, episode="e2", until=(NOW - timedelta(hours=5)).isoformat()) == [6]
    assert await _numbers(filled, episode="e1", topic="Trains") == []
    assert (await filled.client.get("/v1/mentions", params={"episode": "e3"})).status_code == 404


async def test_a_cursor_that_is_none_of_ours_is_refused_or_finds_nothing(api):
    assert (await api.client.get("/v1/mentions", params={"cursor": "1"})).status_code == 422
    far = await api.client.get("/v1/mentions", params={"cursor": f"m{10**18 - 1}.1"})
    assert far.json() == {"mentions": [], "next_cursor": None}
