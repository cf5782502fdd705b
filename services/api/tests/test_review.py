"""What to label next: the least confident first, contradicted and disputed ones beside them, judged ones left out."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.access.keys import new_key
from vigie_api.feedback.table import Entry, keep
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.review.candidates import Range, judged_since, read_pool, start_of_day
from vigie_api.review.disputes import contradictions
from vigie_api.settings import Settings
from vigie_api.shadow.table import ShadowRow, insert_shadow_scores

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()
WORDS = ("bagage", "retard", "siège", "équipage", "repas", "prix", "wifi", "escale", "porte", "bus", "film", "eau")


@pytest.fixture
async def api(running, settings, database_url):
    """The application, on SQLite and on Postgres."""
    values = settings.model_dump() | {"database_url": database_url}
    async with running(Settings(**values)) as started:
        yield started


def _row(number: int, score: float, *, age_s: float = 0, language: str = "fr", version: str = "1") -> PredictionRow:
    code = "abcdefghijkl"[number % 12] + "mnopqrstuvwx"[number // 12 % 12]  # every post with a word of its own
    text = f"{WORDS[number % 12]} {WORDS[number // 12 % 12]} {code}"
    sentiment = "positive" if score >= 0.5 else "negative"
    uncertain = 0.4 < score < 0.6
    return PredictionRow(f"p{number}", NOON_S - age_s, text, sentiment, score, uncertain, language, version, "tiny")


async def _predicted(api, *rows: PredictionRow) -> None:
    await api.services.database.write(insert_predictions, rows)


async def _judge(api, prediction_id, verdict="wrong", by="ann", at=None) -> None:
    now = at or datetime.now(UTC)
    entry = Entry(f"{prediction_id}-{by}-{now.timestamp()}"[:36], prediction_id, now, verdict, *[None] * 5, by)
    await api.services.database.write(partial(keep, replayed=True), entry)


async def _review(api, **filters) -> dict:
    answer = await api.client.get("/v1/review", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _ids(api, **filters) -> list[str]:
    return [item["prediction_id"] for item in (await _review(api, **filters))["items"]]


async def test_the_least_confident_prediction_comes_first(api):
    await _predicted(api, *(_row(n, score) for n, score in enumerate([0.95, 0.52, 0.7, 0.1])))
    found = await _review(api)
    assert [item["priority"] for item in found["items"]] == sorted(
        (i["priority"] for i in found["items"]), reverse=True
    )
    assert {item["prediction_id"] for item in found["items"]} == {"p0", "p1", "p2", "p3"}
    first = found["items"][0]
    assert first["prediction_id"] == "p1"
    assert (first["priority"], first["reasons"], first["copies"], first["challenger"]) == (1, ["uncertain"], 1, None)
    assert (first["confidence"], first["uncertain"], first["language"]) == (0.52, True, "fr")
    assert first["predicted_at"] == "2026-11-22T12:00:00Z"
    assert (found["waiting"], found["judged_today"]) == (4, 0)


async def test_what_was_judged_is_left_out_and_counted(api):
    await _predicted(api, *(_row(n, 0.5 + n / 100) for n in range(4)))
    await _judge(api, "p0")
    await _judge(api, "p1", at=datetime.now(UTC) - timedelta(days=2))
    found = await _review(api)
    assert [item["prediction_id"] for item in found["items"]] == ["p2", "p3"]
    assert (found["waiting"], found["judged_today"]) == (2, 1)


async def test_filters_narrow_by_language_version_and_time_of_the_prediction(api):
    await _predicted(
        api,
        _row(0, 0.5),
        _row(1, 0.5, language="en"),
        _row(2, 0.9, version="2"),
        _row(3, 0.5, age_s=3600),
        _row(4, 0.2, age_s=7200, language="en", version="2"),
    )
    assert set(await _ids(api, language="en")) == {"p1", "p4"}
    assert set(await _ids(api, model_version="2")) == {"p2", "p4"}
    an_hour_ago = (NOON - timedelta(hours=1)).isoformat()
    assert set(await _ids(api, since=an_hour_ago)) == {"p0", "p1", "p2", "p3"}
    assert set(await _ids(api, until=an_hour_ago)) == {"p4"}
    assert await _ids(api, until=an_hour_ago, language="fr") == []
    assert (await _review(api, language="en"))["waiting"] == 2


async def test_filters_narrow_by_topic(api):
    rows = [_row(n, 0.5)._replace(topic=topic) for n, topic in enumerate(["Air Paradis", "Air Enfer", None] * 2)]
    await _predicted(api, *rows)
    await _judge(api, "p0")
    found = await _review(api, topic="Air Paradis")
    assert [(item["prediction_id"], item["topic"]) for item in found["items"]] == [("p3", "Air Paradis")]
    assert found["waiting"] == 1
    assert (await _review(api, topic="Air"))["items"] == []
    assert {item["topic"] for item in (await _review(api))["items"]} == {"Air Paradis", "Air Enfer", None}


async def test_of_a_topic_the_newest_are_looked_at_and_the_least_confident_of_them_come_first(api, monkeypatch):
    monkeypatch.setattr("vigie_api.review.candidates.OF_TOPIC_AT_MOST", 3)
    scores = [0.95, 0.52, 0.7, 0.5]
    rows = [_row(n, score, age_s=60 * n)._replace(topic="Air Paradis") for n, score in enumerate(scores)]
    await _predicted(api, *rows, _row(4, 0.5))
    found = await _review(api, topic="Air Paradis")
    assert found["items"][0]["prediction_id"] == "p1"
    assert ({item["prediction_id"] for item in found["items"]}, found["waiting"]) == ({"p0", "p1", "p2"}, 3)
    assert await _ids(api, topic="Air Paradis", until=(NOON - timedelta(minutes=2)).isoformat()) == ["p3"]
    assert set(await _ids(api, topic="Air Paradis", model_version="1", language="fr")) == {"p0", "p1", "p2"}


async def test_a_version_that_predicted_at_different_times_is_found_whole(api):
    await _predicted(
        api,
        *(_row(n, 0.5, age_s=3600 * n, version="2" if n in (1, 4) else "1") for n in range(6)),
    )
    assert set(await _ids(api, model_version="2")) == {"p1", "p4"}
    an_hour_and_a_half_ago = (NOON - timedelta(minutes=90)).isoformat()
    assert set(await _ids(api, model_version="2", since=an_hour_and_a_half_ago)) == {"p1"}
    assert set(await _ids(api, model_version="2", until=an_hour_and_a_half_ago)) == {"p4"}
    nothing = await _review(api, model_version="9")
    assert (nothing["items"], nothing["waiting"]) == ([], 0)


async def test_copies_of_one_tweet_come_once_and_say_how_many_they_are(api):
    rows = [_row(n, 0.5)._replace(text="Encore du retard ce matin, merci !") for n in range(10)]
    await _predicted(api, *rows, _row(10, 0.55))
    found = (await _review(api))["items"]
    assert sorted(item["copies"] for item in found) == [1, 10]


async def test_a_prediction_that_the_challenger_contradicts_is_put_forward(api):
    await _predicted(api, *(_row(n, 0.95) for n in range(4)))
    opinions = [
        ("p1", "8", 0.9, "positive", True),
        ("p2", "8", 0.1, "negative", False),
        ("p3", "7", 0.1, "negative", False),
    ]
    rows = [
        ShadowRow(key, version, score, sentiment, agrees, score - 0.95, "1", NOON_S + (version == "8"))
        for key, version, score, sentiment, agrees in opinions
    ]
    await api.services.database.write(insert_shadow_scores, rows)
    found = {item["prediction_id"]: item for item in (await _review(api))["items"]}
    assert next(iter(found)) == "p2"
    assert found["p2"]["reasons"] == ["disagreement"]
    assert found["p2"]["challenger"] == {"version": "8", "sentiment": "negative", "score": 0.1}
    assert found["p1"]["challenger"] == {"version": "8", "sentiment": "positive", "score": 0.9}
    assert found["p3"]["challenger"] is None, "version 7 is no longer the challenger"


async def test_contradicted_predictions_are_offered_however_confident_the_champion_is(api):
    await _predicted(api, *(_row(n, 0.5) for n in range(5)), _row(5, 0.99))
    opinion = ShadowRow("p5", "8", 0.01, "negative", False, -0.98, "1", NOON_S)
    await api.services.database.write(insert_shadow_scores, [opinion])
    pool = await api.services.database.read(read_pool, Range(), 2, NOON)
    assert set(pool.rows) >= {"p5"}
    assert len(pool.rows) == 3
    assert pool.waiting == 6
    await _judge(api, "p5")
    assert "p5" not in (await api.services.database.read(read_pool, Range(), 2, NOON)).rows


async def test_what_two_people_judge_differently_comes_back_until_a_third_settles_it(api):
    await _predicted(api, _row(0, 0.9), _row(1, 0.9))
    await _judge(api, "p0", "wrong", "ann")
    await _judge(api, "p1", "wrong", "ann")
    assert await _ids(api) == []
    await _judge(api, "p0", "correct", "bob")
    (item,) = (await _review(api))["items"]
    assert (item["prediction_id"], item["reasons"], item["disputes"]) == ("p0", ["disputed"], 1)
    await _judge(api, "p0", "correct", "eve")
    assert await _ids(api) == []


async def test_a_prediction_whose_text_was_taken_away_is_not_offered(api):
    await _predicted(api, _row(0, 0.5)._replace(text=""), _row(1, 0.5))
    found = await _review(api)
    assert [item["prediction_id"] for item in found["items"]] == ["p1"]
    assert found["waiting"] == 1


async def test_an_old_dispute_stays_away(api):
    await _predicted(api, _row(0, 0.9))
    for days, (verdict, by) in enumerate([("correct", "bob"), ("wrong", "ann")]):
        await _judge(api, "p0", verdict, by, datetime.now(UTC) - timedelta(days=40 - days))
    assert await _ids(api) == []


async def test_a_person_who_changes_their_mind_contradicts_nobody(api):
    await _predicted(api, _row(0, 0.9))
    for verdict in ("wrong", "correct", "wrong"):
        said = await api.client.post("/v1/feedback", json={"prediction_id": "p0", "verdict": verdict})
        assert said.status_code == 201
    assert await _ids(api) == []


async def test_among_equals_the_newest_are_offered(api):
    await _predicted(api, *(_row(n, 0.51, age_s=n * 60) for n in range(30)), _row(30, 0.7))
    pool = await api.services.database.read(read_pool, Range(), 10, NOON)
    assert list(pool.rows) == [f"p{n}" for n in range(10)]
    assert pool.waiting == 31


async def test_offered_is_the_least_confident_whatever_its_age(api):
    await _predicted(api, *(_row(n, 0.9) for n in range(30)), *(_row(n, 0.45, age_s=9e5 + n) for n in range(30, 34)))
    pool = await api.services.database.read(read_pool, Range(), 4, NOON)
    assert set(pool.rows) == {"p30", "p31", "p32", "p33"}


async def test_what_waits_is_counted_up_to_a_limit(api, monkeypatch):
    monkeypatch.setattr("vigie_api.review.candidates.WAITING_AT_MOST", 20)
    await _predicted(api, *(_row(n, n / 30) for n in range(30)))
    assert (await _review(api, limit=30))["waiting"] == 20
    pool = await api.services.database.read(read_pool, Range(), 3, NOON)
    assert (len(pool.rows), pool.waiting) == (3, 20)


async def test_the_limit_is_the_length_of_the_list(api):
    await _predicted(api, *(_row(n, n / 144) for n in range(144)))
    assert len(await _ids(api, limit=3)) == 3
    assert len(await _ids(api, limit=144)) == 144


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "language=de", "since=1", "until=now", "model_version=x", "verdict=wrong"]
)
@pytest.mark.parametrize("path", ["/v1/review", "/v1/review/patterns"])
async def test_a_filter_that_makes_no_sense_is_422(api, path, query):
    assert (await api.client.get(f"{path}?{query}")).status_code == 422


async def test_review_asks_for_its_scope(running, settings):
    secret, entry = new_key("page", ["predict"])
    async with running(Settings(**settings.model_dump() | {"keys": [json.loads(entry)]})) as api:
        for path in ("/v1/review", "/v1/review/patterns"):
            assert (await api.client.get(path)).status_code == 401
            refused = await api.client.get(path, headers={"authorization": f"Bearer {secret}"})
            assert refused.status_code == 403


async def test_a_database_that_is_away_is_503(api):
    api.services.database.ready = False
    for path in ("/v1/review", "/v1/review/patterns"):
        assert (await api.client.get(path)).status_code == 503
    api.services.database.ready = True


async def test_judged_today_counts_from_midnight(api):
    for hours in (1, 11, 13, 30):
        await _judge(api, f"p{hours}", at=NOON - timedelta(hours=hours))
    assert await api.services.database.read(judged_since, start_of_day(NOON)) == 2


VERDICTS = st.lists(st.tuples(st.sampled_from(["ann", "bob", "eve", None]), st.sampled_from(["wrong", "correct"])))


@given(VERDICTS)
def test_one_person_alone_never_makes_a_dispute(said):
    assert contradictions([("ann", verdict) for _, verdict in said]) == 0


@given(VERDICTS)
def test_a_dispute_is_a_tie_of_last_words_and_one_more_opinion_ends_it(said):
    people = contradictions(said)
    last = list(dict(said).values())
    assert people == (last.count("wrong") if 2 * last.count("wrong") == len(last) else 0)
    if people:
        assert contradictions([*said, ("somebody new", "wrong")]) == 0
