"""Single requests for a heavy model are judged together, and none of them notices."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vigie_model
from vigie_api.champion.serving import Overloaded, Verdict
from vigie_api.champion.source import FixedSource
from vigie_api.prediction.batching import MOST_TEXTS, Batcher, Pace, Turn

pytestmark = pytest.mark.anyio
_NO_MATTER = 1e9  # how long a batch takes: a busy machine must not make the batches of a test smaller


class _Gated:
    """A model that is held up while `go` is not set; the score says how long the text is. `bad` texts break it."""

    cost = "heavy"

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.batches: list[list[str]] = []

    def predict_one(self, text: str) -> Verdict:
        return self.predict([text])[0]

    def predict(self, texts: list[str]) -> list[Verdict]:
        self.batches.append(list(texts))
        self.go.wait()
        if "bad" in texts:
            raise ValueError("bad")
        return [Verdict("positive", 0.5 + len(text) / 1_000, 0.5 + len(text) / 1_000, False, "en") for text in texts]


@pytest.fixture
def model():
    gated = _Gated()
    yield gated
    gated.go.set()


@pytest.fixture
def gathered():
    return []


@pytest.fixture
def batcher(gathered):
    with ThreadPoolExecutor(1) as threads:
        yield Batcher(threads, lanes=1, room=100, observe=gathered.append, batch_s=_NO_MATTER)


async def _held_up(batcher, model, until):
    """The one lane works on a text of its own until `model.go` is set."""
    model.go.clear()
    held = asyncio.create_task(batcher.judge(model, "first"))
    await until(lambda: model.batches == [["first"]])
    return held


async def test_a_lone_text_starts_in_the_turn_in_which_it_came(batcher, model, gathered):
    said = asyncio.create_task(batcher.judge(model, "a"))
    await asyncio.sleep(0)  # it is asked
    await asyncio.sleep(0)  # it has started
    assert gathered == [1]
    assert (await said).score == 0.501


async def test_texts_that_come_in_the_same_turn_go_together(batcher, model):
    said = await asyncio.gather(*(batcher.judge(model, "x" * length) for length in range(10)))
    assert [round((one.score - 0.5) * 1_000) for one in said] == list(range(10))
    assert [len(batch) for batch in model.batches] == [10]


async def test_what_comes_while_the_lane_works_goes_together_when_it_is_free(batcher, model, gathered, until):
    held = await _held_up(batcher, model, until)
    waiting = []
    for length in range(1, 8):
        waiting.append(asyncio.create_task(batcher.judge(model, "x" * length)))
        await asyncio.sleep(0)
    model.go.set()
    assert [round((one.score - 0.5) * 1_000) for one in await asyncio.gather(held, *waiting)] == [5, *range(1, 8)]
    assert gathered == [1, 7]
    assert batcher.depth == 0


async def test_one_bad_text_fails_alone(batcher, model):
    said = await asyncio.gather(*(batcher.judge(model, text) for text in ("a", "bad", "abc")), return_exceptions=True)
    assert [type(one) for one in said] == [Verdict, ValueError, Verdict]
    assert (said[0].score, said[2].score) == (0.501, 0.503)


async def test_a_request_that_is_cancelled_takes_no_other_with_it(batcher, model, until):
    held = await _held_up(batcher, model, until)
    stays, leaves = (asyncio.create_task(batcher.judge(model, text)) for text in ("ab", "abc"))
    await asyncio.sleep(0)
    leaves.cancel()
    held.cancel()
    await asyncio.gather(leaves, held, return_exceptions=True)
    model.go.set()
    assert (await stays).score == 0.502
    assert model.batches == [["first"], ["ab"]]
    assert batcher.depth == 0


async def test_texts_for_two_versions_never_share_a_batch(batcher, model, until):
    held, other = await _held_up(batcher, model, until), _Gated()
    said = [
        asyncio.create_task(batcher.judge(asked, text))
        for asked, text in ((model, "a"), (model, "b"), (other, "c"), (model, "d"))
    ]
    await asyncio.sleep(0)
    model.go.set()
    await asyncio.gather(held, *said)
    assert (model.batches, other.batches) == ([["first"], ["a", "b"], ["d"]], [["c"]])


async def test_no_more_wait_than_there_is_room_for(batcher, model, until):
    held = await _held_up(batcher, model, until)
    waiting = [asyncio.create_task(batcher.judge(model, "a")) for _ in range(99)]
    await until(lambda: batcher.depth == 100)
    with pytest.raises(Overloaded):
        await batcher.judge(model, "one too many")
    model.go.set()
    assert len(await asyncio.gather(held, *waiting)) == 100
    assert (await batcher.judge(model, "a")).score == 0.501


async def test_two_lanes_share_what_waits(model, until):
    with ThreadPoolExecutor(2) as threads:
        batcher = Batcher(threads, lanes=2, room=100, observe=lambda _: None, batch_s=_NO_MATTER)
        model.go.clear()
        waiting = [asyncio.create_task(batcher.judge(model, "a")) for _ in range(20)]
        await until(lambda: len(model.batches) == 2)
        model.go.set()
        await asyncio.gather(*waiting)
    assert sorted(map(len, model.batches[:2])) == [5, 10]


async def test_what_waits_when_the_threads_end_is_told(model, until):
    with ThreadPoolExecutor(1) as threads:
        batcher = Batcher(threads, lanes=2, room=100, observe=lambda _: None, batch_s=_NO_MATTER)
        held = await _held_up(batcher, model, until)
        waiting = asyncio.create_task(batcher.judge(model, "a"))
        await until(lambda: batcher.depth == 2)
        await asyncio.sleep(0)
        threads.shutdown(wait=False, cancel_futures=True)
        with pytest.raises(Overloaded):
            await waiting
        model.go.set()
        await held


@given(st.lists(st.tuples(st.integers(1, MOST_TEXTS), st.floats(1e-6, 60))), st.floats(1e-3, 1))
def test_a_batch_is_never_empty_and_never_above_the_most(batches, seconds):
    pace = Pace()
    assert pace.texts_in(seconds) == MOST_TEXTS
    for texts, took_s in batches:
        pace.learn(texts, took_s)
    assert 1 <= pace.texts_in(seconds) <= MOST_TEXTS


def test_slow_texts_make_small_batches():
    pace = Pace()
    for _ in range(50):
        pace.learn(10, 0.1)
    assert pace.texts_in(0.055) == 5


async def test_a_heavy_artifact_scores_the_same_alone_in_company_and_in_a_long_batch(running, settings, tmp_path):
    model = vigie_model.load(_trees(tmp_path / "artifact"))
    assert model.cost == "heavy"
    texts = [" ".join(["merci"] * (number % 7) + ["cancelled"] * (number % 5) + [str(number)]) for number in range(150)]
    alone = [model.predict_one(text).score for text in texts]
    async with running(settings, FixedSource(model)) as api:
        lone = await asyncio.gather(*(api.client.post("/v1/predict", json={"text": text}) for text in texts))
        long = await api.client.post("/v1/predict/batch", json={"texts": texts})
        metrics = (await api.client.get("/metrics")).text
    np.testing.assert_allclose([answer.json()["score"] for answer in lone], alone, atol=1e-6)
    np.testing.assert_allclose([one["score"] for one in long.json()["predictions"]], alone, atol=1e-6)
    assert "vigie_batch_texts_sum 150.0" in metrics
    assert "vigie_batch_texts_count 150.0" not in metrics


def _trees(folder):
    """A tiny real LightGBM artifact."""
    import lightgbm

    words = ["merci", "cancelled"]
    rows = np.random.default_rng(7).random((200, 2))
    data = lightgbm.Dataset(rows, rows[:, 0] > rows[:, 1], params={"verbose": -1, "min_data_in_leaf": 2})
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 5)
    block = vigie_model.Block("word", (1, 1), words, np.ones(2))
    vigie_model.save(
        folder,
        recipe="tiny_trees",
        features=vigie_model.TfidfFeatures(vigie_model.Cleaner(vigie_model.CleaningOptions()), [block]),
        head=vigie_model.BoosterHead(booster.model_to_string()),
        calibration=vigie_model.Platt(),
        uncertain=(0.4, 0.6),
    )
    return folder


async def test_what_comes_in_one_turn_is_judged_together_on_the_event_loop(model):
    turn = Turn(1_000)
    said = await asyncio.gather(*(turn.judge(model, "x" * length) for length in range(10)))
    assert [round((one.score - 0.5) * 1_000) for one in said] == list(range(10))
    assert [len(batch) for batch in model.batches] == [10]
    assert (await turn.judge(model, "later")).score == 0.505


async def test_who_asks_while_others_are_answered_is_judged_with_them_from_then_on(model):
    turn = Turn(1_000)

    async def asks_all_the_time(first_turn: int) -> None:
        for _ in range(first_turn):
            await asyncio.sleep(0)
        for _ in range(5):
            await turn.judge(model, "x")

    await asyncio.gather(*(asks_all_the_time(number % 2) for number in range(6)))
    assert [len(batch) for batch in model.batches] == [6] * 5


async def test_a_turn_judges_no_more_than_fits_and_the_rest_in_the_next(model):
    turn = Turn(100)
    await asyncio.gather(*(turn.judge(model, "x" * 50) for _ in range(5)))
    assert [len(batch) for batch in model.batches] == [2, 2, 1]


async def test_a_bad_text_another_version_and_who_leaves_disturb_nobody_in_the_turn(model):
    turn, other = Turn(1_000), _Gated()
    asked = [
        asyncio.create_task(turn.judge(*question))
        for question in ((model, "a"), (model, "bad"), (model, "leaves"), (other, "b"), (model, "abc"))
    ]
    await asyncio.sleep(0)
    asked[2].cancel()
    said = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in said] == [Verdict, ValueError, asyncio.CancelledError, Verdict, Verdict]
    assert other.batches == [["b"]]
    assert (said[0].score, said[3].score, said[4].score) == (0.501, 0.501, 0.503)
