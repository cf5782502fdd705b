"""POST /v1/mentions over HTTP: what it answers, its limits, and what happens while the database is away."""

import asyncio
import json

import pytest
from sqlalchemy import func, select

from vigie_api.access.keys import new_key
from vigie_api.champion.source import FixedSource
from vigie_api.mentions.spool import MentionSpool
from vigie_api.mentions.table import mentions
from vigie_api.prediction.table import predictions
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio


async def _count(api, table=mentions):
    return await api.services.database.read(lambda c: c.scalar(select(func.count()).select_from(table)))


async def test_a_list_is_answered_with_what_became_of_it(api, post):
    late = post(4, created_at="2999-01-01T00:00:00Z")
    said = await api.client.post("/v1/mentions", json={"mentions": [post(1), post(2), post(1), late]})
    assert said.status_code == 202
    answer = said.json()
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    (refusal,) = answer["refused"]
    assert (refusal["index"], refusal["external_id"]) == (3, "post-4")
    metrics = (await api.client.get("/metrics")).text
    for outcome, number in (("accepted", 2), ("duplicate", 1), ("refused", 1)):
        assert f'vigie_mentions_total{{outcome="{outcome}"}} {number}.0' in metrics


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "X"},
        {"source": ""},
        {"external_id": ""},
        {"external_id": "a" * 201},
        {"external_id": "a\0"},
        {"topic": ""},
        {"topic": "t" * 65},
        {"topic": " padded"},
        {"text": " "},
        {"text": "a" * 10_001},
        {"created_at": "2026-03-02T08:15:00"},
        {"created_at": 1_772_435_700},
        {"reach": False},
        {"author": "a" * 201},
        {"url": "javascript:alert(1)"},
        {"url": "https://example.org/" + "a" * 2_000},
        {"reach": -1},
        {"reach": 2**63},
        {"mood": "bad"},
    ],
)
async def test_a_mention_that_makes_no_sense_is_refused_with_its_place(api, post, changed):
    said = await api.client.post("/v1/mentions", json={"mentions": [post(1), post(2, **changed)]})
    assert said.status_code == 422
    assert said.json()["errors"][0]["loc"] == ["body", "mentions", 1, next(iter(changed))]
    assert await _count(api) == 0


async def test_five_thousand_are_taken_at_once_and_no_more(api, post):
    posts = [post(number) for number in range(5_001)]
    assert (await api.client.post("/v1/mentions", json={"mentions": posts})).status_code == 422
    assert (await api.client.post("/v1/mentions", json={"mentions": []})).status_code == 422
    said = await api.client.post("/v1/mentions", json={"mentions": posts[:5_000]})
    assert said.json()["accepted"] == await _count(api) == 5_000


async def test_a_body_may_be_larger_here_than_elsewhere_and_has_its_end(running, settings, post):
    sizes = {"max_body_bytes": 2_000, "max_mentions_body_bytes": 6_000, "root_path": "/api"}
    async with running(settings.model_copy(update=sizes)) as api:
        body = json.dumps({"mentions": [post(1, text="a" * 4_000)]}).encode()
        kind = {"Content-Type": "application/json"}

        async def chunks():
            yield body
            yield b" " * 2_000

        assert (await api.client.post("/v1/mentions", content=body, headers=kind)).status_code == 202
        assert (await api.client.post("/v1/mentions", content=body + b" " * 2_000, headers=kind)).status_code == 413
        assert (await api.client.post("/v1/mentions", content=chunks(), headers=kind)).status_code == 413
        assert (await api.client.post("/v1/predict", content=body, headers=kind)).status_code == 413


async def test_only_a_key_for_ingestion_may_push_and_only_one_for_review_may_read(running, settings, post):
    push, review = new_key("push", ["ingest"]), new_key("read", ["review"])
    keys = [json.loads(push[1]), json.loads(review[1])]
    async with running(Settings(**settings.model_dump() | {"keys": keys})) as api:
        codes = [
            (
                (
                    await api.client.post(
                        "/v1/mentions", json={"mentions": [post(1)]}, headers={"Authorization": f"Bearer {key}"}
                    )
                ).status_code,
                (await api.client.get("/v1/mentions", headers={"Authorization": f"Bearer {key}"})).status_code,
            )
            for key in (push[0], review[0])
        ]
    assert codes == [(202, 403), (403, 200)]


async def test_when_too_many_wait_more_are_sent_away_for_a_while_and_what_was_taken_stays(
    running, settings, post, until
):
    async with running(settings.model_copy(update={"mentions_waiting": 3})) as api:
        served, api.services.serving.current = api.services.serving.current, None
        taken = await api.client.post("/v1/mentions", json={"mentions": [post(n) for n in range(3)]})
        assert taken.json()["accepted"] == 3
        full = await api.client.post("/v1/mentions", json={"mentions": [post(4)]})
        assert (full.status_code, full.headers["retry-after"]) == (429, "5")
        assert full.json()["type"] == "urn:vigie:problem:backlog"
        await api.services.waiting.refresh()
        metrics = (await api.client.get("/metrics")).text
        assert "vigie_mentions_waiting 3.0" in metrics
        api.services.serving.current = served
        await api.judged()
        await api.services.waiting.refresh()
        assert (await api.client.post("/v1/mentions", json={"mentions": [post(4)]})).status_code == 202
        assert await _count(api) == 4


@pytest.mark.integration
async def test_two_processes_that_get_the_same_posts_at_the_same_time_keep_each_once(running, settings, postgres, post):
    url = postgres.new_database()
    one, other = (
        Settings(**settings.model_dump() | {"database_url": url, "home": settings.home / name}) for name in ("a", "b")
    )
    forwards = [post(number) for number in range(1_000)]
    async with running(one) as first, running(other) as second:
        answers = await asyncio.gather(
            *(
                api.client.post("/v1/mentions", json={"mentions": posts})
                for _ in range(2)
                for api, posts in ((first, forwards), (second, forwards[::-1]))
            )
        )
        assert [answer.status_code for answer in answers] == [202] * 4
        assert sum(answer.json()["accepted"] for answer in answers) == 1_000
        await asyncio.gather(first.judged(), second.judged())
        assert await _count(first) == await _count(first, predictions) == 1_000


@pytest.mark.integration
async def test_posts_wait_on_disk_while_the_database_is_away_and_arrive_once(
    running, settings, own_postgres, tmp_path, post, until, moody
):
    values = settings.model_dump() | {"database_url": own_postgres.new_database(), "spool_dir": tmp_path / "spool"}
    async with running(Settings(**values), FixedSource(moody)) as api:
        assert (await api.client.post("/v1/mentions", json={"mentions": [post(1)]})).json()["accepted"] == 1
        own_postgres.stop()
        for numbers in ([1, 2], [3], [2]):
            said = await api.client.post("/v1/mentions", json={"mentions": [post(n) for n in numbers]})
            assert (said.status_code, said.json()["accepted"]) == (202, len(numbers))
        assert api.services.mentions.spooled == 4
        assert "vigie_mentions_spooled 4.0" in (await api.client.get("/metrics")).text
        own_postgres.start()
        await until(lambda: not api.services.mentions.spooled)
        assert await _count(api) == 3
        await api.judged()
        assert await _count(api, predictions) == 3


async def test_without_a_spool_posts_are_not_taken_while_the_database_is_away(api, post):
    api.services.database.ready = False
    said = await api.client.post("/v1/mentions", json={"mentions": [post(1)]})
    api.services.database.ready = True
    assert (said.status_code, said.headers["retry-after"]) == (503, "5")


async def test_a_full_disk_is_no_false_promise_and_too_many_on_disk_are_sent_away(
    running, settings, tmp_path, post, monkeypatch
):
    spool = {"spool_dir": tmp_path / "spool", "mentions_waiting": 1, "spool_drain_s": 3_600}
    async with running(settings.model_copy(update=spool)) as api:
        api.services.database.ready = False
        assert (await api.client.post("/v1/mentions", json={"mentions": [post(1)]})).status_code == 202
        assert (await api.client.post("/v1/mentions", json={"mentions": [post(2)]})).status_code == 429

        def full(_rows):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(api.services.mentions._spool, "append", full)
        monkeypatch.setattr(api.services.waiting, "_most", 10)
        assert (await api.client.post("/v1/mentions", json={"mentions": [post(3)]})).status_code == 503
        api.services.database.ready = True


async def test_a_spool_of_mentions_outlives_its_process_and_damaged_files_are_set_aside(
    running, settings, tmp_path, post, until
):
    folder = tmp_path / "spool"
    async with running(settings.model_copy(update={"spool_dir": folder, "spool_drain_s": 3_600})) as api:
        api.services.database.ready = False
        await api.client.post("/v1/mentions", json={"mentions": [post(1), post(2)]})
        api.services.database.ready = True
    (folder / "mentions" / "00-damaged-7.json").write_text("{")
    unstorable = {"mentions": [{"id": None}]}
    (folder / "mentions" / "01-unstorable-1.json").write_text(json.dumps(unstorable))
    assert MentionSpool(folder).mentions == 2 + 7 + 1
    async with running(settings.model_copy(update={"spool_dir": folder})) as api:
        await until(lambda: not api.services.mentions.spooled)
        assert await _count(api) == 2
    left = {path.name for path in (folder / "mentions").iterdir()}
    assert left == {"00-damaged-7.damaged", "01-unstorable-1.damaged"}
