"""The use case: judge texts with whatever serves, and hand the record to the recorder."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from vigie_api.champion.serving import Overloaded, Scorer, Served, Serving, Verdict
from vigie_api.champion.versions import Versions
from vigie_api.prediction.batching import Batcher, Turn
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.recorder import Recorder
from vigie_api.prediction.schema import BatchOut, ExplanationOut, PredictionOut, TokenOut, VerdictOut
from vigie_api.prediction.table import PredictionRow
from vigie_api.problem import Problem, refuse_text
from vigie_api.settings import Settings
from vigie_api.shadow.shadow import Shadow
from vigie_api.telemetry.metrics import Metrics

T = TypeVar("T")

_LANES = 2  # batches of single requests at a time; each may use VIGIE_API_MODEL_THREADS threads
_LONE_WAITING = 256
_LONG_THREADS = 2  # long batches, long texts and explanations, so that no single request waits behind them
_LONG_WAITING = 64
_CHUNK_S = 0.02
"""Of a long batch: what a thread takes at a time."""
_INLINE_CHARS = 4_000
_LONE_CHARS = 1_000
"""Of one text: without a space in it, every character more costs as much as a word."""


class NotExplainable(Problem):
    """The model says what, but not why."""

    status = 409
    slug = "not-explainable"
    title = "Not explainable"


class Predictor:
    """Judges texts. A light model is scored on the event loop: a thread would cost more than the score of a tweet.

    Single requests are judged together, see `batching`.
    """

    def __init__(
        self,
        settings: Settings,
        serving: Serving,
        versions: Versions,
        recorder: Recorder,
        metrics: Metrics,
        shadow: Shadow,
    ) -> None:
        self._max_texts = settings.max_texts
        self._max_chars = settings.max_text_chars
        self._explain_passes = settings.explain_passes
        self._serving = serving
        self._versions = versions
        self._recorder = recorder
        self._metrics = metrics
        self._shadow = shadow
        self._ids = IdSource()
        self._turn = Turn(_INLINE_CHARS)
        self._lanes = ThreadPoolExecutor(_LANES, thread_name_prefix="predict")
        self._batcher = Batcher(self._lanes, lanes=_LANES, room=_LONE_WAITING, observe=metrics.batch_texts.observe)
        self._threads = ThreadPoolExecutor(_LONG_THREADS, thread_name_prefix="predict-long")
        self._waiting = 0

    async def one(self, text: str, version: str | None = None, topic: str | None = None) -> PredictionOut:
        """The verdict on one text about `topic`, by the champion or by the version that is named.

        Raises NoModel, what `Versions.get` raises, Overloaded or InvalidRequest.
        """
        served = await self._judge_of(text, version)
        scorer = served.scorer
        if len(text) > _LONE_CHARS:
            verdict = await self._in_thread(scorer.predict_one, text)
        elif served.light:
            verdict = await self._turn.judge(scorer, text)
        else:
            verdict = await self._batcher.judge(scorer, text)
        self._metrics.predicted(verdict.sentiment, served.version)
        return self._answer(served, text, verdict, time.time(), topic)

    async def explain(self, text: str, version: str | None = None) -> ExplanationOut:
        """What each word of a text did to its score. Nothing is recorded. Raises NotExplainable, or as `one`."""
        served = await self._judge_of(text, version)
        explain = getattr(served.scorer, "explain", None)
        if explain is None:
            raise NotExplainable(f"Version {served.version} cannot say why it judges as it does.")
        work = partial(explain, max_passes=self._explain_passes)
        said = work(text) if served.light and len(text) <= _INLINE_CHARS else await self._in_thread(work, text)
        sentiment, score, confidence, uncertain, language = said.prediction
        return ExplanationOut(
            prediction=VerdictOut(
                sentiment=sentiment, score=score, confidence=confidence, uncertain=uncertain, language=language
            ),
            method=said.method,
            base=said.base,
            tokens=[
                TokenOut(text=token.text, start=token.start, end=token.end, contribution=token.contribution)
                for token in said.tokens
            ],
            model=served.reference,
        )

    async def _judge_of(self, text: str, version: str | None) -> Served:
        if len(text) > self._max_chars:
            raise self._too_long(["text"])
        return self._serving.get() if version is None else await self._versions.get(version)

    async def many(self, texts: Sequence[str], topic: str | None = None) -> BatchOut:
        """The verdicts on the texts about `topic`, in order and from one version, whatever is swapped meanwhile.

        Raises as `one`.
        """
        if len(texts) > self._max_texts:
            raise refuse_text(["texts"], f"List should have at most {self._max_texts} items", "too_long")
        for index, text in enumerate(texts):
            if len(text) > self._max_chars:
                raise self._too_long(["texts", index])
        served = self._serving.get()
        if served.light:
            verdicts = await self._in_slices(served.scorer, texts)
        else:
            verdicts = await self._in_chunks(served.scorer, texts)
        now_s = time.time()
        answers = [
            self._answer(served, text, verdict, now_s, topic) for text, verdict in zip(texts, verdicts, strict=True)
        ]
        for sentiment in ("positive", "negative"):
            count = sum(answer.sentiment == sentiment for answer in answers)
            if count:
                self._metrics.predicted(sentiment, served.version, count)
        return BatchOut(predictions=answers)

    def _too_long(self, place: Sequence[str | int]) -> Problem:
        return refuse_text(place, f"String should have at most {self._max_chars} characters", "string_too_long")

    def _answer(self, served: Served, text: str, verdict: Verdict, now_s: float, topic: str | None) -> PredictionOut:
        prediction_id = self._ids.next()
        sentiment, score, confidence, uncertain, language = verdict
        row = PredictionRow(
            prediction_id, now_s, text, sentiment, score, uncertain, language, served.version, served.recipe, topic
        )
        self._recorder.put(row)
        if self._shadow.active:
            self._shadow.offer(row)
        return PredictionOut(
            id=prediction_id,
            sentiment=sentiment,
            score=score,
            confidence=confidence,
            uncertain=uncertain,
            language=language,
            model=served.reference,
        )

    async def _in_slices(self, scorer: Scorer, texts: Sequence[str]) -> list[Verdict]:
        """Score on the event loop, letting others in every few thousand characters; long texts in a thread."""
        verdicts: list[Verdict] = []
        short: list[str] = []
        chars = 0
        for text in texts:
            if len(text) > _LONE_CHARS:
                verdicts += scorer.predict(short) if short else []
                verdicts.append(await self._in_thread(scorer.predict_one, text))
                short, chars = [], 0
                continue
            short.append(text)
            chars += len(text) + 1
            if chars >= _INLINE_CHARS:
                verdicts += scorer.predict(short)
                short, chars = [], 0
                await asyncio.sleep(0)
        return verdicts + scorer.predict(short) if short else verdicts

    async def _in_chunks(self, scorer: Scorer, texts: Sequence[str]) -> list[Verdict]:
        """Score in a thread, a few hundredths of a second at a time, so that other batches get their turn."""
        loop = asyncio.get_running_loop()
        # Texts of like length together: a network pads each to the longest of its company.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        verdicts: dict[int, Verdict] = {}
        with self._place():
            while len(verdicts) < len(order):
                at = order[len(verdicts) : len(verdicts) + self._batcher.pace.texts_in(_CHUNK_S)]
                chunk = [texts[index] for index in at]
                found = await loop.run_in_executor(self._threads, scorer.predict, chunk)
                verdicts.update(zip(at, found, strict=True))
        return [verdicts[at] for at in range(len(texts))]

    async def _in_thread(self, score: Callable[[str], T], text: str) -> T:
        with self._place():
            return await asyncio.get_running_loop().run_in_executor(self._threads, score, text)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._waiting >= _LONG_WAITING:
            raise Overloaded("Too many predictions are waiting. Try again in a second.")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads. Safe to call twice."""
        self._lanes.shutdown(cancel_futures=True)
        self._threads.shutdown(cancel_futures=True)
