"""Feedback: kept whole, the last one counts, the history stays, and it can be read in pages or all at once."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from vigie_api.feedback.listing import decode_cursor, encode_cursor
from vigie_api.feedback.schema import CURSOR_PATTERN
from vigie_api.feedback.table import Entry, feedback, keep
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio
NDJSON = {"accept": "application/x-ndjson"}


@pytest.fixture
async def api(running, settings, database_url):
    """The application, on SQLite and on Postgres."""
    values = settings.model_dump() | {"database_url": database_url}
    async with running(Settings(**values)) as started:
        yield started


async def _judged(api, text="Merci !") -> str:
    return (await api.client.post("/v1/predict", json={"text": text})).json()["id"]


async def _say(api, prediction_id, verdict="wrong", **more):
    return await api.client.post("/v1/feedback", json={"prediction_id": prediction_id, "verdict": verdict, **more})


async def _listed(api, **filters):
    answer = await api.client.get("/v1/feedback", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["feedback"]


async def test_wrong_without_a_correction_implies_the_other_sentiment(api):
    said = await _say(api, await _judged(api))
    assert said.status_code == 201
    assert said.json()["correction"] == "negative"


async def test_a_verdict_faster_than_the_write_behind_knows_its_prediction(api, running):
    prediction_id = await _judged(api, "Vol parfait")
    assert api.services.recorder.find(prediction_id) is not None
    await _say(api, prediction_id)
    (listed,) = await _listed(api)
    assert (listed["text"], listed["sentiment"], listed["model_version"]) == ("Vol parfait", "positive", "1")


@pytest.mark.parametrize("written", [False, True])
async def test_the_same_verdict_again_changes_nothing(api, written):
    prediction_id = await _judged(api)
    first = await _say(api, prediction_id, text="Merci !", sentiment="positive", model_version="1")
    if written:
        await api.settled()
    for _ in range(3):
        again = await _say(api, prediction_id, text="Merci !", sentiment="positive", model_version="1")
        assert (again.status_code, again.json()) == (200, first.json())
    assert (await _say(api, prediction_id)).status_code == 200
    assert await _rows(api) == 1


async def _rows(api) -> int:
    return await api.services.database.read(lambda c: c.scalar(select(func.count()).select_from(feedback)))


async def test_the_last_verdict_counts_and_the_history_stays(api):
    prediction_id = await _judged(api)
    for verdict, comment in (("wrong", None), ("correct", None), ("wrong", "really"), ("correct", "no")):
        assert (await _say(api, prediction_id, verdict, comment=comment)).status_code == 201
    (listed,) = await _listed(api)
    assert (listed["verdict"], listed["correction"], listed["comment"]) == ("correct", "positive", "no")
    assert await _rows(api) == 4


async def test_feedback_stands_without_its_prediction(api):
    said = await _say(
        api, "lost-in-a-crash", text="Bagage perdu", sentiment="positive", model_version="7", comment="évident"
    )
    assert (said.status_code, said.json()["correction"]) == (201, "negative")
    (listed,) = await _listed(api)
    assert (listed["text"], listed["sentiment"], listed["model_version"]) == ("Bagage perdu", "positive", "7")
    assert (listed["score"], listed["comment"]) == (None, "évident")


async def test_a_verdict_has_the_topic_of_its_prediction_and_else_the_one_that_came_with_it(api):
    told = {"text": "Vol parfait", "topic": "Air Paradis"}
    first, again = [(await api.client.post("/v1/predict", json=told)).json()["id"] for _ in range(2)]
    await _say(api, first)  # while it waits to be written
    await api.settled()
    await _say(api, again, topic="another one")
    await _say(api, "lost", topic="Air Enfer")
    await _say(api, "silent")
    listed = {row["prediction_id"]: row["topic"] for row in await _listed(api)}
    assert listed == {first: "Air Paradis", again: "Air Paradis", "lost": "Air Enfer", "silent": None}
    assert {row["prediction_id"] for row in await _listed(api, topic="Air Paradis")} == {first, again}
    assert {row["prediction_id"] for row in await _listed(api, topic="Air Enfer")} == {"lost"}


async def test_a_topic_that_was_unknown_is_worth_a_new_verdict(api):
    assert (await _say(api, "lost")).status_code == 201
    assert (await _say(api, "lost", topic="Air Paradis")).status_code == 201
    assert (await _say(api, "lost", topic="Air Paradis")).status_code == 200


async def test_feedback_on_an_unknown_prediction_is_kept_even_without_its_text(api):
    assert (await _say(api, "unknown")).json()["correction"] is None
    more = await _say(api, "unknown", text="Now with a text", sentiment="negative")
    assert (more.status_code, more.json()["correction"]) == (201, "positive")
    (listed,) = await _listed(api)
    assert listed["text"] == "Now with a text"


async def test_a_correction_that_was_unknown_is_implied_once_the_prediction_is_there(api):
    from vigie_api.prediction.table import PredictionRow, insert_predictions

    await _say(api, "late")
    row = PredictionRow("late", 1.0, "texte", "negative", 0.1, False, "fr", "1", "tiny")
    await api.services.database.write(insert_predictions, [row])
    (listed,) = await _listed(api)
    assert (listed["correction"], listed["text"], listed["score"]) == ("positive", "texte", 0.1)


@pytest.mark.parametrize("written", [False, True], ids=["still waiting to be written", "in the database"])
@pytest.mark.parametrize(("verdict", "correction"), [("correct", "negative"), ("wrong", "positive")])
async def test_a_correction_that_contradicts_the_known_prediction_is_422(api, written, verdict, correction):
    prediction_id = await _judged(api)  # positive
    if written:
        await api.settled()
    said = await _say(api, prediction_id, verdict, correction=correction)
    assert said.status_code == 422
    assert said.json()["errors"][0]["loc"] == ["body", "correction"]
    assert await _rows(api) == 0


async def test_a_contradiction_that_nobody_could_see_gives_way_once_the_prediction_is_known(api):
    from vigie_api.prediction.table import PredictionRow, insert_predictions

    said = await _say(api, "late", "correct", correction="positive")
    assert (said.status_code, said.json()["correction"]) == (201, "positive")
    row = PredictionRow("late", 1.0, "texte", "negative", 0.1, False, "fr", "1", "tiny")
    await api.services.database.write(insert_predictions, [row])
    (listed,) = await _listed(api)
    assert (listed["verdict"], listed["sentiment"], listed["correction"]) == ("correct", "negative", "negative")
    assert await _listed(api, correction="positive") == []


async def test_a_contradiction_from_the_spool_is_kept_and_settled_by_the_verdict(api):
    prediction_id = await _judged(api)
    await api.settled()
    entry = Entry("id-1", prediction_id, datetime.now(UTC), "correct", "negative", None, None, None, None, "ann")
    await api.services.database.write(partial(keep, replayed=True), entry)
    (listed,) = await _listed(api)
    assert (listed["verdict"], listed["correction"], listed["given_by"]) == ("correct", "positive", "ann")


@pytest.mark.parametrize(
    "body",
    [
        {"prediction_id": "p"},
        {"prediction_id": "p", "verdict": "maybe"},
        {"prediction_id": "", "verdict": "wrong"},
        {"prediction_id": "p/../q", "verdict": "wrong"},
        {"prediction_id": "p" * 65, "verdict": "wrong"},
        {"prediction_id": "p", "verdict": "wrong", "corection": "positive"},
        {"prediction_id": "p", "verdict": "wrong", "correction": "neutral"},
        {"prediction_id": "p", "verdict": "wrong", "sentiment": "positive", "correction": "positive"},
        {"prediction_id": "p", "verdict": "correct", "sentiment": "positive", "correction": "negative"},
        {"prediction_id": "p", "verdict": "wrong", "comment": "a\u0000b"},
        {"prediction_id": "p", "verdict": "wrong", "comment": "a" * 1_001},
        {"prediction_id": "p", "verdict": "wrong", "text": " "},
        {"prediction_id": "p", "verdict": "wrong", "model_version": "1; DROP"},
    ],
    ids=str,
)
async def test_feedback_that_makes_no_sense_is_422(api, body):
    assert (await api.client.post("/v1/feedback", json=body)).status_code == 422
    assert await _rows(api) == 0


async def test_two_people_at_once_leave_one_verdict_that_counts(api):
    prediction_id = await _judged(api)
    said = await asyncio.gather(*(_say(api, prediction_id, comment=f"n{n}") for n in range(12)))
    assert {answer.status_code for answer in said} == {201}
    assert len(await _listed(api)) == 1
    assert await _rows(api) == 12


async def test_filters_narrow_by_verdict_time_and_version(api):
    for number in range(4):
        await _say(api, f"p{number}", "wrong" if number % 2 else "correct", model_version=str(1 + number // 2))
    assert {row["prediction_id"] for row in await _listed(api, verdict="wrong")} == {"p1", "p3"}
    assert {row["prediction_id"] for row in await _listed(api, model_version="2")} == {"p2", "p3"}
    times = {row["prediction_id"]: row["received_at"] for row in await _listed(api)}
    assert {row["prediction_id"] for row in await _listed(api, since=times["p2"])} == {"p2", "p3"}
    assert {row["prediction_id"] for row in await _listed(api, until=times["p2"])} == {"p0", "p1"}
    paris = datetime.fromisoformat(times["p3"]).astimezone(tz=UTC) + timedelta(0)
    assert len(await _listed(api, since=paris.isoformat().replace("+00:00", "Z"))) == 1
    assert await _listed(api, since="2999-01-01T00:00:00+02:00") == []


async def test_filters_narrow_by_language_person_and_right_sentiment(api):
    from vigie_api.prediction.table import PredictionRow, insert_predictions

    rows = [
        PredictionRow(f"p{n}", 1.0, "texte", "negative", 0.1, False, "fr" if n % 2 else "en", "1", "t")
        for n in range(4)
    ]
    await api.services.database.write(insert_predictions, rows)
    for n in range(4):
        verdict = "wrong" if n < 2 else "correct"
        now = datetime.now(UTC)
        entry = Entry(f"id{n}", f"p{n}", now, verdict, None, None, None, None, None, "ann" if n == 3 else "bob")
        await api.services.database.write(keep, entry)
    assert {row["prediction_id"] for row in await _listed(api, language="fr")} == {"p1", "p3"}
    assert {row["prediction_id"] for row in await _listed(api, given_by="ann")} == {"p3"}
    assert {row["prediction_id"] for row in await _listed(api, correction="positive")} == {"p0", "p1"}
    assert {row["prediction_id"] for row in await _listed(api, correction="negative", language="en")} == {"p2"}


async def test_what_is_listed_says_who_judged_and_when_and_in_which_language_it_was_predicted(api):
    prediction_id = await _judged(api, "Vol parfait")
    await _say(api, prediction_id)
    await api.settled()
    (listed,) = await _listed(api)
    assert (listed["given_by"], listed["language"]) == ("embedded", "en")
    assert datetime.fromisoformat(listed["predicted_at"]) < datetime.fromisoformat(listed["received_at"])


@pytest.mark.parametrize(
    "query",
    [
        "verdict=bad",
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "since=0.0",
        "since=-8.9e-216",
        "since=0001-01-01T00:00:00%2B23:00",
        "until=9999-12-31T23:59:59-23:00",
        "until=1767225600",
        "limit=0",
        "limit=1001",
        "language=de",
        "given_by=a b",
        "topic=",
        "topic=%20a",
        "correction=neutral",
        "format=xml",
        "model_version=x",
        "cursor=zz",
        "verdit=wrong",
    ],
)
async def test_a_filter_that_makes_no_sense_is_422(api, query):
    assert (await api.client.get(f"/v1/feedback?{query}")).status_code == 422


async def test_pages_follow_each_other_newest_first_without_gap_or_repeat(api):
    for number in range(7):
        await _say(api, f"p{number}")
    seen, cursor = [], None
    while True:
        parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await api.client.get("/v1/feedback", params=parameters)).json()
        seen += [row["prediction_id"] for row in page["feedback"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await _say(api, f"new{len(seen)}")  # what arrives meanwhile is newer, so it moves nothing
    assert seen == [f"p{number}" for number in reversed(range(7))]


async def test_the_export_has_every_match_a_line_each(api, monkeypatch):
    monkeypatch.setattr("vigie_api.feedback.export._PAGE", 2)
    for number in range(5):
        await _say(api, f"p{number}", text="deux\nlignes é")
    await _say(api, "fine", "correct")
    answer = await api.client.get("/v1/feedback?verdict=wrong", headers=NDJSON)
    assert answer.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["prediction_id"] for row in rows] == ["p4", "p3", "p2", "p1", "p0"]
    assert rows[0]["text"] == "deux\nlignes é"


async def test_an_export_of_nothing_is_empty(api):
    answer = await api.client.get("/v1/feedback", headers=NDJSON)
    assert (answer.status_code, answer.content) == (200, b"")


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_cursor_survives_the_round_trip_and_keeps_to_its_pattern(seq):
    assert decode_cursor(encode_cursor(seq)) == seq
    assert re.match(CURSOR_PATTERN, encode_cursor(seq))
