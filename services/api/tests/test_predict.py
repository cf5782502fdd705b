"""POST /v1/predict and /v1/predict/batch: verdicts, and a clear refusal of everything else."""

import asyncio
import gzip
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from vigie_api.champion.source import FixedSource
from vigie_api.prediction.schema import PredictRequest
from vigie_api.prediction.table import predictions

pytestmark = pytest.mark.anyio
JSON = {"content-type": "application/json"}


async def test_a_tweet_gets_a_verdict_that_names_its_model(api):
    answer = await api.client.post("/v1/predict", json={"text": "Merci, vol parfait !"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["sentiment"] == "positive"
    assert body["score"] == body["confidence"] == 0.9
    assert body["uncertain"] is False
    assert body["language"] == "en"
    assert body["model"] == {"name": "sentiment", "version": "1", "recipe": "constant"}


async def test_a_topic_is_kept_with_the_prediction_and_changes_no_answer(api):
    for topic in ({}, {"topic": None}, {"topic": "a" * 64}):
        answer = await api.client.post("/v1/predict", json={"text": "Merci", **topic})
        assert (answer.status_code, "topic" in answer.json()) == (200, False)
    batch = await api.client.post("/v1/predict/batch", json={"texts": ["un", "deux"], "topic": "Air Paradis"})
    assert len(batch.json()["predictions"]) == 2
    await api.settled()
    kept = await api.services.database.read(lambda c: c.execute(select(predictions.c.topic)).scalars().all())
    assert sorted(kept, key=str) == sorted([None, None, "a" * 64, "Air Paradis", "Air Paradis"], key=str)


async def test_a_topic_explains_nothing(api):
    answer = await api.client.post("/v1/explain", json={"text": "Merci", "topic": "Air Paradis"})
    assert answer.status_code == 422


async def test_a_real_artifact_judges_both_ways(running, settings, make_artifact, tmp_path):
    import vigie_model

    model = vigie_model.load(make_artifact(tmp_path / "artifact"))
    async with running(settings, FixedSource(model)) as api:
        texts = ["Merci, vol parfait !", "Cancelled. Worst airline."]
        answer = await api.client.post("/v1/predict/batch", json={"texts": texts})
        alone = [(await api.client.post("/v1/predict", json={"text": text})).json() for text in texts]
    together = answer.json()["predictions"]
    assert [one["sentiment"] for one in together] == ["positive", "negative"]
    assert [one["score"] for one in together] == [one["score"] for one in alone]


@pytest.mark.parametrize("text", ["🙂", "👩‍✈️❤️", "!", "a" * 10_000, "é" * 10_000, "🛫" * 10_000, "\ufeffok", "\x01"])
async def test_unusual_texts_get_a_verdict(api, text):
    assert (await api.client.post("/v1/predict", json={"text": text})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"txt": "wrong key"},
        {"text": "fine", "model": "surplus"},
        {"text": ""},
        {"text": " \t\n\u00a0\u3000"},
        {"text": "\u200b\ufeff\u2060"},
        {"text": "a" * 10_001},
        {"text": "🛫" * 10_001},
        {"text": "nul \u0000 inside"},
        {"text": 7},
        {"text": None},
        {"text": ["a"]},
        {"text": "fine", "topic": ""},
        {"text": "fine", "topic": " a"},
        {"text": "fine", "topic": "a\nb"},
        {"text": "fine", "topic": "\u200b"},
        {"text": "fine", "topic": "a" * 65},
        {"text": "fine", "topic": 7},
        {"text": "fine", "model_version": 1},
        {"text": "fine", "model_version": "latest"},
        ["text"],
        "text",
    ],
    ids=str,
)
async def test_a_body_that_makes_no_sense_is_422_and_not_echoed(api, body):
    answer = await api.client.post("/v1/predict", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["loc"][0] == "body"
    assert len(answer.content) < 1_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"text": "caf\xe9"}',
        b'{"text": "\\ud83d"}',
        b'{"text": "\\udc00 lone"}',
        b"[" * 100_000,
        b'{"text":' * 50_000,
        b'{"text": "a"} trailing',
        b"\xff\xfe",
    ],
    ids=["empty", "cut", "latin-1", "high-surrogate", "low-surrogate", "deep-list", "deep-object", "trailing", "bytes"],
)
async def test_what_is_no_json_is_400(api, raw):
    answer = await api.client.post("/v1/predict", content=raw, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:vigie:problem:malformed-json"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_what_comes_packed_is_never_unpacked(api, encoding):
    bomb = gzip.compress(b'{"text": "' + b"a" * 50_000_000 + b'"}')
    headers = JSON | {"content-encoding": encoding}
    answer = await api.client.post("/v1/predict", content=bomb, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:vigie:problem:malformed-json"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonish"])
async def test_a_body_that_is_not_announced_as_json_is_415(api, kind):
    answer = await api.client.post(
        "/v1/predict", content=b'{"text": "a"}', headers={"content-type": kind} if kind else {}
    )
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"])
async def test_every_way_to_say_json_is_understood(api, kind):
    answer = await api.client.post("/v1/predict", content=b'{"text": "a"}', headers={"content-type": kind})
    assert answer.status_code == 200


async def test_a_thousand_texts_are_judged_in_order_and_one_more_is_422(api):
    answer = await api.client.post("/v1/predict/batch", json={"texts": ["a"] * 1_000})
    assert len(answer.json()["predictions"]) == 1_000
    refused = await api.client.post("/v1/predict/batch", json={"texts": ["a"] * 1_001})
    assert refused.status_code == 422
    assert "1000" in refused.json()["detail"]


@pytest.mark.parametrize("texts", [[], ["fine", " "], ["fine", 3], ["a" * 10_001], "text"])
async def test_one_bad_text_refuses_the_batch_and_says_which(api, texts):
    answer = await api.client.post("/v1/predict/batch", json={"texts": texts})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][:2] == ["body", "texts"]


async def test_many_errors_are_cut_short(api):
    answer = await api.client.post("/v1/predict/batch", json={"texts": [" "] * 1_000})
    assert len(answer.json()["errors"]) == 20


async def test_an_operator_may_lower_the_limits(running, settings):
    tight = settings.model_copy(update={"max_texts": 2, "max_text_chars": 5})
    async with running(tight) as api:
        for path, body in (
            ("/v1/predict", {"text": "123456"}),
            ("/v1/explain", {"text": "123456"}),
            ("/v1/predict/batch", {"texts": ["ok", "123456"]}),
            ("/v1/predict/batch", {"texts": ["1", "2", "3"]}),
            ("/v1/feedback", {"prediction_id": "p", "verdict": "correct", "text": "123456"}),
        ):
            answer = await api.client.post(path, json=body)
            assert answer.status_code == 422
            assert "at most" in answer.json()["detail"]


class _Heavy:
    """Blocks until it is let go, and notes its thread."""

    cost = "heavy"

    def __init__(self, constant) -> None:
        self._inner = constant()
        self.go = threading.Event()
        self.threads = set()

    def predict_one(self, text):
        self.threads.add(threading.current_thread().name)
        self.go.wait()
        return self._inner.predict_one(text)

    def predict(self, texts):
        return [self.predict_one(text) for text in texts]


async def test_a_heavy_model_leaves_the_event_loop_free_and_its_queue_has_an_end(running, settings, constant, until):
    model = _Heavy(constant)
    model.go.set()
    async with running(settings, FixedSource(model)) as api:
        model.go.clear()
        model.threads.clear()
        batches = [asyncio.create_task(api.client.post("/v1/predict/batch", json={"texts": ["a"]})) for _ in range(64)]
        lone = [asyncio.create_task(api.client.post("/v1/predict", json={"text": "a"})) for _ in range(256)]
        await until(lambda: api.services.predictor._waiting == 64 and api.services.predictor._batcher.depth == 256)
        assert (await api.client.get("/livez")).status_code == 200
        for path, body in (("/v1/predict/batch", {"texts": ["a"]}), ("/v1/predict", {"text": "a"})):
            refused = await api.client.post(path, json=body)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        model.go.set()
        assert {answer.status_code for answer in await asyncio.gather(*batches, *lone)} == {200}
        assert (await api.client.post("/v1/predict/batch", json={"texts": ["a", "b"]})).status_code == 200
    assert all(name.startswith("predict") for name in model.threads)


async def test_predictions_reach_the_database_with_their_text(running, settings, database_url):
    before = datetime.now(UTC) - timedelta(milliseconds=1)  # SQLite keeps milliseconds
    async with running(settings.model_copy(update={"database_url": _url(database_url)})) as api:
        texts = ['l\'été 🙂 "quoted" \\ back', "second\nline", "'; DROP TABLE predictions; --"]
        answer = await api.client.post("/v1/predict/batch", json={"texts": texts})
        await api.settled()
        rows = await api.services.database.read(lambda c: c.execute(select(predictions)).mappings().all())
    by_id = {row["id"]: row for row in rows}
    for text, said in zip(texts, answer.json()["predictions"], strict=True):
        row = by_id[said["id"]]
        assert (row["text"], row["sentiment"], row["score"], row["uncertain"]) == (text, "positive", 0.9, False)
        assert (row["language"], row["model_version"], row["recipe"]) == ("en", "1", "constant")
        assert before <= row["created_at"] <= datetime.now(UTC)


def _url(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


@given(st.text())
@examples(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_is_taken_or_refused_exactly_as_promised(text):
    promised = (
        0 < len(text) <= 10_000
        and "\0" not in text
        and any(not c.isspace() and c not in "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff" for c in text)
    )
    try:
        taken = PredictRequest.model_validate_json(json.dumps({"text": text})).text == text
    except ValidationError:
        taken = False
    assert taken == promised
