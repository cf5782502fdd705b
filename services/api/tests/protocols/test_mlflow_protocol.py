"""POST /invocations and what MLflow's client asks before; tests/contract compares it with MLflow's own server."""

import gzip
import json

import pytest
from sqlalchemy import select

from vigie_api.access.keys import new_key
from vigie_api.champion.registry import NoChampion
from vigie_api.champion.source import FixedSource
from vigie_api.prediction.table import predictions

pytestmark = pytest.mark.anyio
CSV = {"content-type": "text/csv"}
ROW = {"sentiment": "positive", "score": 0.9, "confidence": 0.9, "uncertain": False, "language": "en"}


class _Nobody(FixedSource):
    def champion(self):
        raise NoChampion("No version has the alias champion.")

    def remembered(self):
        return None


async def test_predictions_are_recorded_and_counted_like_all_others(api):
    answer = await api.client.post("/invocations", json={"inputs": ["un", "deux"]})
    assert answer.json() == {"predictions": [ROW, ROW]}
    await api.settled()
    kept = await api.services.database.read(lambda c: c.execute(select(predictions.c.text)).scalars().all())
    assert sorted(kept) == ["deux", "un"]
    assert (
        'vigie_predictions_total{model_version="1",sentiment="positive"} 2.0' in (await api.client.get("/metrics")).text
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"inputs": []}, "no text"),
        ({"inputs": [""]}, "Row 0: the text is empty"),
        ({"inputs": ["fine", " "]}, "Row 1: the text is blank"),
        ({"inputs": ["nul \0"]}, "Row 0: the text contains a NUL"),
        ({"inputs": ["fine", 3]}, "Row 1: the text must be a string"),
        ({"inputs": ["fine", None]}, "Row 1: the text must be a string"),
        ({"inputs": "text"}, "inputs must be"),
        ({"inputs": 3}, "inputs must be"),
        ({"inputs": [["a"]]}, "Row 0: the text must be a string"),
        ({"inputs": {"tweet": ["a"]}}, "'text'"),
        ({"inputs": ["a" * 10_001]}, "10000 characters"),
        ({"inputs": ["a"] * 1_001}, "1000 texts, not 1001"),
        ({"inputs": ["a"], "params": 3}, "params must be an object"),
        ({"instances": [{"text": "a"}, "b"]}, "instances must be"),
        ({"dataframe_split": {"columns": ["text", "text"], "data": [["a", "b"]]}}, "once"),
        ({"dataframe_split": {"columns": ["text"], "data": [["a"]], "index": [1, 2]}}, "index"),
        ({"dataframe_split": {"columns": ["text"], "data": [["a"]], "name": "x"}}, "columns and data"),
        ("text", "exactly one of"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_judged_is_400_in_both_tongues_and_is_not_echoed(api, body, told):
    answer = await api.client.post("/invocations", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert told in problem["detail"]
    assert (problem["error_code"], problem["message"]) == ("BAD_REQUEST", problem["detail"])
    assert len(answer.content) < 1_000


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "no text|must name the column"),
        (b"tweet\na\n", "must name the column"),
        (b"text,text\na,b\n", "once"),
        (b"text\n", "no text"),
        (b"text,likes\na\n", "Line 2 of the CSV has 1 cells"),
        (b'text\n"never closed\n', "cannot be read"),
        (b'text\n"' + b"a" * 200_000 + b'"\n', "cannot be read|may have 10000"),
        (b"text\ncaf\xe9\n", "UTF-8"),
        (b"text\na\x00\n", "NUL"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_csv_that_cannot_be_read_is_400_with_its_line(api, raw, told):
    answer = await api.client.post("/invocations", content=raw, headers=CSV)
    assert answer.status_code == 400
    assert any(part in answer.json()["detail"] for part in told.split("|")), answer.json()


async def test_a_csv_may_begin_with_a_byte_order_mark(api):
    answer = await api.client.post("/invocations", content="\ufefftext\nété\n".encode(), headers=CSV)
    assert answer.json() == {"predictions": [ROW]}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/vnd.apache.parquet"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
    ids=str,
)
async def test_what_is_announced_as_something_else_or_packed_is_415_and_never_unpacked(api, headers):
    body = gzip.compress(b'{"inputs": ["a"]}') if "content-encoding" in headers else b'{"inputs": ["a"]}'
    answer = await api.client.post("/invocations", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (415, "BAD_REQUEST")


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b'{"inputs": ["\\ud83d"]}', b'{"inputs": ["\xe9"]}'])
async def test_what_is_no_json_is_400(api, raw):
    answer = await api.client.post("/invocations", content=raw, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:vigie:problem:malformed-json")


async def test_a_body_over_the_limit_is_413_before_it_is_parsed(api):
    answer = await api.client.post("/invocations", content=b"{" * 1_000_001)
    assert (answer.status_code, answer.json()["error_code"]) == (413, "BAD_REQUEST")


async def test_without_a_model_the_probes_and_the_door_say_so(running, settings, constant):
    async with running(settings, _Nobody(constant())) as api:
        for path in ("/ping", "/health", "/v2/health/ready", "/v2/models/sentiment/ready"):
            assert (await api.client.get(path)).status_code == 503, path
        asked = await api.client.post("/invocations", json={"inputs": ["a"]})
        assert (asked.status_code, asked.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert "retry-after" in asked.headers
        described = (await api.client.get("/v2/models/sentiment")).json()
        assert described["versions"] == []
        assert (await api.client.get("/v2/health/live")).json() == {"live": True}


async def test_a_key_comes_as_a_password_too_but_on_these_routes_alone(running, settings):
    key, entry = new_key("mlflow", ["predict"])
    locked = settings.model_validate(settings.model_dump() | {"keys": [json.loads(entry)]})
    async with running(locked) as api:
        body = {"inputs": ["a"]}
        assert (await api.client.post("/invocations", json=body, auth=("any", key))).status_code == 200
        assert (await api.client.post("/invocations", json=body, auth=("any", "wrong"))).status_code == 401
        assert (await api.client.post("/invocations", json=body, auth=(key, ""))).status_code == 401
        assert (await api.client.get("/v1/model", auth=("any", key))).status_code == 401
        for broken in ("Basic", "Basic ", "Basic ???", "Basic bm8gY29sb24=", "Basic \xff"):
            headers = {"authorization": broken.encode("latin-1")}
            assert (await api.client.post("/invocations", json=body, headers=headers)).status_code == 401
