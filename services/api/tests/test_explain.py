"""POST /v1/explain: what each word did to the verdict, under the same limits as the verdict."""

import threading

import pytest
from sqlalchemy import func, select

from vigie_api.champion.source import FixedSource
from vigie_api.prediction.table import predictions

pytestmark = pytest.mark.anyio


async def test_every_word_has_its_place_and_its_share(api):
    answer = await api.client.post("/v1/explain", json={"text": " Merci 🙂\u00a0beaucoup !"})
    assert answer.status_code == 200
    body = answer.json()
    assert [(one["text"], one["start"], one["end"]) for one in body["tokens"]] == [
        ("Merci", 1, 6),
        ("🙂", 7, 8),
        ("beaucoup", 9, 17),
        ("!", 18, 19),
    ]
    assert {one["contribution"] for one in body["tokens"]} == {0.5}
    assert (body["method"], body["base"]) == ("occlusion", 0.1)
    assert body["prediction"] == {
        "sentiment": "positive",
        "score": 0.9,
        "confidence": 0.9,
        "uncertain": False,
        "language": "en",
    }
    assert body["model"] == {"name": "sentiment", "version": "1", "recipe": "constant"}


async def test_an_explanation_is_not_recorded(api):
    await api.client.post("/v1/explain", json={"text": "Merci"})
    await api.settled()
    assert await api.services.database.read(lambda c: c.scalar(select(func.count()).select_from(predictions))) == 0


@pytest.mark.parametrize("body", [{}, {"text": " "}, {"text": "a" * 10_001}, {"text": "a\0"}, {"text": "a", "n": 1}])
async def test_what_predict_refuses_explain_refuses(api, body):
    answer = await api.client.post("/v1/explain", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_longest_text_is_explained(api):
    assert (await api.client.post("/v1/explain", json={"text": "oh " * 3_333})).status_code == 200


async def test_a_setting_bounds_what_an_explanation_costs(running, settings):
    async with running(settings.model_copy(update={"explain_passes": 3})) as api:
        answer = await api.client.post("/v1/explain", json={"text": "one two three four five"})
        assert len(answer.json()["tokens"]) == 3


async def test_without_a_model_there_is_nothing_to_explain(running, settings, source, registry, until):
    registry.alias = None
    async with running(settings, source) as api:
        await until(lambda: api.services.refresher.error is not None)
        answer = await api.client.post("/v1/explain", json={"text": "Merci"})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:vigie:problem:no-model")


class _Mute:
    """Judges, and cannot say why."""

    cost = "light"

    def __init__(self, constant) -> None:
        self.predict_one, self.predict = constant().predict_one, constant().predict


async def test_a_model_that_cannot_explain_says_so(running, settings, constant):
    async with running(settings, FixedSource(_Mute(constant))) as api:
        answer = await api.client.post("/v1/explain", json={"text": "Merci"})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vigie:problem:not-explainable")


@pytest.mark.parametrize(
    ("cost", "text", "thread"), [("light", "Merci", False), ("light", "a " * 4_000, True), ("heavy", "Merci", True)]
)
async def test_what_takes_long_is_explained_off_the_event_loop(running, settings, constant, cost, text, thread):
    model = constant(cost=cost)
    threads = []
    explain = model.explain

    def noting(text, *, max_passes):
        threads.append(threading.current_thread().name)
        return explain(text, max_passes=max_passes)

    model.explain = noting
    async with running(settings, FixedSource(model)) as api:
        assert (await api.client.post("/v1/explain", json={"text": text})).status_code == 200
    assert threads[0].startswith("predict") is thread
