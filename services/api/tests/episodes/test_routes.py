"""What the routes answer about topics, trends and episodes, and what people may do to an episode."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

import vigie_api.episodes.routes as routes
from vigie_api.database.engine import Database
from vigie_api.settings import Settings

from ..databases import copy_sqlite

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def after_the_surge(request, tmp_path_factory, migrated_file, make_live, simulate):
    """A database, once of each kind, with a watch that saw a surge, and the time: four hours after it began. Each test
    takes a copy.
    """
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("surge") / "surge.db"
        url, copy = copy_sqlite(migrated_file, file), partial(copy_sqlite, file)
    else:
        server = request.getfixturevalue("postgres")
        url = server.new_database(migrated=True)

        def copy(_file):
            return server.copy(url)

    database = Database(Settings(database_url=url).database_url)
    live, posts = make_live(database, step_minutes=60), simulate()
    onset = next(one.at for one in posts if "Lisbonne" in one.text)
    live.play(posts, until=onset + timedelta(hours=4))
    asyncio.run(database.close())
    return copy, live.now


@pytest.fixture
async def watched(running, settings, tmp_path, after_the_surge, make_live, monkeypatch):
    """An API, and a watch that saw a surge and stands four hours after it began."""
    copy, now = after_the_surge
    quiet = Settings(**settings.model_dump() | {"database_url": copy(tmp_path / "copy.db"), "watch": False})
    async with running(quiet) as api:
        live = make_live(api.services.database, now=now, step_minutes=60)

        class At(datetime):
            @classmethod
            def now(cls, tz=None):
                return live.now.astimezone(tz)

        monkeypatch.setattr(routes, "datetime", At)
        api.live = live
        yield api


async def test_the_topics_the_trends_and_the_episode_tell_of_a_surge(watched):
    topics = (await watched.client.get("/v1/topics")).json()["topics"]
    (topic,) = topics
    assert topic["state"] in ("serious", "critical")
    assert topic["sources"] == ["x"]
    assert 0 < topic["last_hour"]["expected"] < topic["last_hour"]["negatives"] <= topic["negatives_24h"]

    page = (await watched.client.get("/v1/episodes", params={"state": "open", "severity": topic["state"]})).json()
    assert page["open"] == 1
    (episode,) = page["episodes"]
    assert episode["id"] == topic["episode_id"]
    assert episode["ratio"] == pytest.approx(episode["negatives"] / episode["expected"])
    assert "posts_first" not in episode

    one = (await watched.client.get(f"/v1/episodes/{episode['id']}")).json()
    assert len(one["posts_first"]) == len(one["posts_representative"]) == 5
    assert {post["sentiment"] for post in one["posts_first"]} == {"negative"}
    assert all("Lisbonne" in post["text"] for post in one["posts_representative"])
    created = [post["created_at"] for post in one["posts_first"]]
    assert created == sorted(created)

    trends = (await watched.client.get("/v1/trends", params={"topic": "Air Paradis"})).json()
    assert trends["step_s"] == 300
    assert [mark["id"] for mark in trends["episodes"]] == [episode["id"]]
    assert {"bagages", "lisbonne"} <= {term["term"] for term in trends["terms"]}
    known = [bucket for bucket in trends["buckets"] if bucket["expected"] is not None]
    assert len(known) > 250
    assert all(bucket["low"] <= bucket["expected"] + 1 and bucket["high"] >= bucket["low"] for bucket in known)
    assert sum(bucket["negatives"] > bucket["high"] for bucket in known) > 10


async def test_trends_add_up_the_same_by_hour_by_source_and_in_sum(watched):
    async def total(**params):
        answer = await watched.client.get("/v1/trends", params={"since": "2026-11-02T00:00:00Z", **params})
        assert answer.status_code == 200, answer.text
        return sum(bucket["posts"] for bucket in answer.json()["buckets"]), answer.json()

    hours, by_hour = await total(step="1h")
    days, by_day = await total(step="1d")
    source, by_source = await total(step="1h", source="x", language="fr", topic="Air Paradis")
    assert hours == days == source > 1_000
    assert by_day["step_s"] == 86_400
    assert any(bucket["expected"] for bucket in by_hour["buckets"])
    assert all(bucket["expected"] is None for bucket in by_source["buckets"])
    assert (await total(source="bluesky", step="1h"))[0] == 0
    assert (await total(topic="Nobody", step="1h"))[0] == 0


@pytest.mark.parametrize(
    ("params", "buckets"),
    [
        ({"since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"}, 0),
        ({"since": "0001-01-01T00:00:00Z", "step": "5m"}, 2_000),
        ({"until": "0001-01-01T00:00:00Z"}, 288),
        ({"since": "2020-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}, 2_000),
    ],
)
async def test_a_period_is_cut_to_what_can_be_shown(api, params, buckets):
    answer = await api.client.get("/v1/trends", params=params)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["buckets"]) in (buckets, buckets - 1)


async def test_an_unknown_step_is_refused(api):
    assert (await api.client.get("/v1/trends", params={"step": "1w"})).status_code == 422


async def test_seeing_an_episode_is_seeing_its_alert_and_the_other_way_round(watched):
    (episode,) = (await watched.client.get("/v1/episodes")).json()["episodes"]
    path = f"/v1/episodes/{episode['id']}"
    answer = await watched.client.patch(path, json={"acknowledged": True, "assignee": "Camille", "note": "À midi."})
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert (seen["assignee"], seen["note"]) == ("Camille", "À midi.")
    assert seen["acknowledged_by"]
    alert = (await watched.client.get(f"/v1/alerts/{episode['alert_id']}")).json()
    assert alert["acknowledged_by"] == seen["acknowledged_by"]
    report = (await watched.client.get(f"{path}/report", params={"language": "fr"})).text
    assert "<dt>Pris en charge</dt>" in report
    assert "embedded" not in report
    cleared = (await watched.client.patch(path, json={"assignee": None})).json()
    assert (cleared["assignee"], cleared["note"]) == (None, "À midi.")


async def test_seeing_the_alert_is_seeing_the_episode(watched):
    (alert,) = (await watched.client.get("/v1/alerts", params={"kind": "surge"})).json()["alerts"]
    await watched.client.post(f"/v1/alerts/{alert['id']}/ack", json={"note": "vu"})
    episode = (await watched.client.get(f"/v1/episodes/{alert['evidence']['episode_id']}")).json()
    assert episode["acknowledged_by"]
    assert episode["note"] is None


async def test_a_false_alarm_is_said_and_taken_back(watched):
    (episode,) = (await watched.client.get("/v1/episodes")).json()["episodes"]
    path = f"/v1/episodes/{episode['id']}"
    assert (await watched.client.patch(path, json={"false_alarm": True})).json()["false_alarm"] is True
    assert watched.live.topic()["false_alarms"] == 1
    assert (await watched.client.patch(path, json={"false_alarm": False})).json()["false_alarm"] is False
    assert watched.live.topic()["false_alarms"] == 0


@pytest.mark.parametrize("body", [{"acknowledged": False}, {"state": "closed"}, {"assignee": ""}, {"note": "\0"}])
async def test_a_change_that_makes_no_sense_is_refused(watched, body):
    (episode,) = (await watched.client.get("/v1/episodes")).json()["episodes"]
    assert (await watched.client.patch(f"/v1/episodes/{episode['id']}", json=body)).status_code == 422


async def test_there_is_a_page_after_a_page_and_none_for_an_unknown_episode(api, make_live):
    database = api.services.database
    with database.engine.connect() as connection, connection.begin():
        from vigie_api.episodes.table import episodes

        for number in range(5):
            at = datetime(2026, 11, 2, tzinfo=UTC) + timedelta(minutes=5 * (number // 2))
            row = {"id": f"019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a7{number}", "topic": f"t{number}", "state": "closed"}
            row |= {"severity": "watch", "onset_at": at, "opened_at": at, "updated_at": at, "negatives": 0, "posts": 0}
            row |= {"expected": 0.0, "peak_ratio": 1.0, "terms": [], "false_alarm": False}
            row["post_ids"] = {"first": ["gone"], "representative": []}
            connection.execute(episodes.insert().values(**row))
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = (await api.client.get("/v1/episodes", params=params)).json()
        seen += [episode["topic"] for episode in page["episodes"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["t4", "t3", "t2", "t1", "t0"]
    one = (await api.client.get("/v1/episodes/019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a70")).json()
    assert (one["posts_first"], one["share"], one["ratio"], one["past"]) == ([], None, None, True)
    params = {"topic": "t2", "state": "closed", "since": "2026-11-02T00:05:00Z", "until": "2026-11-02T00:06:00Z"}
    assert len((await api.client.get("/v1/episodes", params=params)).json()["episodes"]) == 1
    for path in ("", "/report"):
        gone = await api.client.get(f"/v1/episodes/019ab3c1-0000-7b32-9d0a-6f1c2e4b8a70{path}")
        assert gone.status_code == 404
    late = await api.client.get("/v1/episodes", params={"cursor": "e999999999999.019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"})
    assert late.status_code == 200


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_the_report_is_one_page_that_runs_and_loads_nothing_whatever_is_posted(watched, language):
    (episode,) = (await watched.client.get("/v1/episodes")).json()["episodes"]
    hostile = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(1)> \u202egnp.exe"
    with watched.services.database.engine.connect() as connection, connection.begin():
        from vigie_api.prediction.table import predictions

        connection.execute(predictions.update().values(text=hostile))
    path = f"/v1/episodes/{episode['id']}"
    await watched.client.patch(path, json={"note": "</dd><script>x</script>", "assignee": "<b>C</b>"})
    answer = await watched.client.get(f"{path}/report", params={"language": language})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = answer.text
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>C" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert " src=" not in page.replace("&lt;img src=", "")
    assert "href=" not in page
    assert f'lang="{language}"' in page
    assert page.count("<rect") > 30
    assert "<polygon" in page


async def test_nobody_reads_without_the_scope(running, settings):
    from hashlib import sha256

    key = {"name": "ui", "scopes": ["predict"], "sha256": sha256(b"secret").hexdigest()}
    async with running(Settings(**settings.model_dump() | {"keys": (key,)})) as api:
        for path in ("topics", "trends", "episodes", "episodes/019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a70/report"):
            assert (await api.client.get(f"/v1/{path}")).status_code == 401
            headers = {"authorization": "Bearer secret"}
            assert (await api.client.get(f"/v1/{path}", headers=headers)).status_code == 403


async def test_a_restart_of_the_api_goes_on_with_the_watch(running, settings, until):
    at = datetime.now(UTC) - timedelta(minutes=30)
    for number in (1, 2):
        async with running(settings) as api:
            mention = {"source": "x", "external_id": str(number), "topic": "Air Paradis", "text": f"vol {number}"}
            sent = await api.client.post("/v1/mentions", json={"mentions": [mention | {"created_at": at.isoformat()}]})
            assert sent.status_code == 202
            counted = {"fate": "counted"}
            registry = api.services.metrics.registry
            await until(lambda: registry.get_sample_value("vigie_watch_mentions_total", counted) == 1)  # noqa: B023
            (topic,) = (await api.client.get("/v1/topics")).json()["topics"]
            assert (topic["posts_24h"], topic["state"]) == (number, "learning")
