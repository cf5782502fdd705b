"""Reading predictions back: filters, pages without a gap, an export, a fair sample."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.listing import decode_cursor, encode_cursor
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
IDS = IdSource()


def row(number, at, version="1"):
    said = (f"tweet {number}", "positive", 0.75, False, "en", version, "tiny")
    return PredictionRow(IDS.next(), at.timestamp(), *said, f"brand {number % 3}" if number % 3 else None)


@pytest.fixture
async def filled(running, settings, database_url):
    """An application whose database holds twelve predictions, three a minute, of two versions in turn."""
    async with running(Settings(**settings.model_dump() | {"database_url": database_url})) as api:
        made = [row(n, NOON + timedelta(minutes=n // 3), str(n % 2 + 1)) for n in range(12)]
        await api.services.database.write(insert_predictions, made)
        yield api


async def texts(api, **query):
    found, cursor = [], None
    while True:
        answer = await api.client.get("/v1/predictions", params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        found += [prediction["text"] for prediction in answer.json()["predictions"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


async def test_pages_follow_each_other_newest_first_without_a_gap_or_a_copy(filled):
    whole = await texts(filled)
    assert sorted(whole) == sorted(f"tweet {n}" for n in range(12))
    assert whole[0] in ("tweet 9", "tweet 10", "tweet 11")
    for limit in (1, 2, 5, 12):
        assert await texts(filled, limit=limit) == whole


async def test_since_is_inclusive_and_until_is_not(filled):
    found = await texts(filled, since="2026-11-22T12:01:00Z", until="2026-11-22T12:02:00Z")
    assert sorted(found) == ["tweet 3", "tweet 4", "tweet 5"]


async def test_a_version_has_its_own(filled):
    assert sorted(await texts(filled, model_version="2")) == sorted(f"tweet {n}" for n in range(1, 12, 2))


async def test_a_topic_has_its_own(filled):
    assert sorted(await texts(filled, topic="brand 2")) == sorted(f"tweet {n}" for n in range(2, 12, 3))
    assert await texts(filled, topic="Brand 2") == []
    answer = await filled.client.get("/v1/predictions", params={"limit": 3})
    assert {one["topic"] for one in answer.json()["predictions"]} == {None, "brand 1", "brand 2"}


async def test_an_export_is_every_match_as_a_line(filled):
    answer = await filled.client.get(
        "/v1/predictions", params={"model_version": "1"}, headers={"Accept": "application/x-ndjson"}
    )
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert sorted(line["text"] for line in lines) == sorted(f"tweet {n}" for n in range(0, 12, 2))
    assert lines[0]["created_at"].endswith("Z")
    assert set(lines[0]) == {
        *(
            "id",
            "created_at",
            "text",
            "sentiment",
            "score",
            "uncertain",
            "language",
            "model_version",
            "recipe",
            "topic",
        ),
    }


async def test_an_export_goes_over_many_pages(filled):
    more = [row(n, NOON + timedelta(hours=1, milliseconds=n)) for n in range(2_400)]
    for start in range(0, len(more), 200):
        await filled.services.database.write(insert_predictions, more[start : start + 200])
    answer = await filled.client.get("/v1/predictions", headers={"Accept": "application/x-ndjson"})
    found = [json.loads(line)["id"] for line in answer.text.splitlines()]
    assert (len(found), len(set(found))) == (2_412, 2_412)


async def test_a_sample_is_drawn_by_the_random_digits_of_the_ids(filled):
    more = [row(n, NOON + timedelta(hours=1))._replace(id=f"{n:035d}{n % 16:x}") for n in range(160)]
    await filled.services.database.write(insert_predictions, more)
    assert len(await texts(filled, since="2026-11-22T12:30:00Z", sample=16)) == 10
    assert (await filled.client.get("/v1/predictions", params={"sample": 10})).status_code == 422


@pytest.mark.parametrize(
    "wrong", [{"cursor": "f12"}, {"limit": 1_001}, {"since": "1"}, {"model_version": "x"}, {"verdict": "wrong"}]
)
async def test_what_makes_no_sense_is_refused(filled, wrong):
    assert (await filled.client.get("/v1/predictions", params=wrong)).status_code == 422


async def test_without_a_database_it_is_a_503(running, settings):
    nowhere = settings.model_copy(update={"database_url": "postgresql+psycopg://x@/x?host=/nowhere"})
    async with running(nowhere, ready=False) as api:
        for accept in ("application/json", "application/x-ndjson"):
            answer = await api.client.get("/v1/predictions", headers={"Accept": accept})
            assert answer.status_code == 503


def test_a_cursor_is_read_back():
    assert decode_cursor(encode_cursor(NOON, "019ab3c1-5f6e")) == (NOON, "019ab3c1-5f6e")
