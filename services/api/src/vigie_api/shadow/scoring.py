"""Judging texts in the shadow's thread: one at a time, timed, and resting longer than it works."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from vigie_api.champion.serving import Scorer, Verdict, usable
from vigie_api.prediction.table import PredictionRow
from vigie_api.shadow.table import ShadowRow

_SIDE_BY_SIDE = 8
_REST_S = 0.0002
_REST = 3.0


@dataclass(slots=True)
class Scored:
    """What came of a few texts: opinions to keep, times in seconds, and what went wrong."""

    rows: list[ShadowRow] = field(default_factory=list)
    challenger_s: list[float] = field(default_factory=list)
    champion_s: list[float] = field(default_factory=list)
    failures: int = 0
    error: str | None = None


def score(version: str, challenger: Scorer, champion: Scorer, predictions: Iterable[PredictionRow]) -> Scored:
    """Let the challenger judge what the champion has answered. Never raises.

    Every eighth text is judged by the champion first, for its time under the same conditions: each starts from a rest,
    for who comes right after another finds the processor's caches warm and looks several times as fast. A rest is
    three times as long as the work. So the thread takes a quarter of a core at most, and does not hold the
    interpreter, and with it every request, for the 5 ms that Python would let it.
    """
    done = Scored()
    for index, prediction in enumerate(predictions):
        try:
            if index % _SIDE_BY_SIDE == 0:
                done.champion_s.append(_turn(champion, prediction.text)[1])
            answer, worked_s = _turn(challenger, prediction.text)
            verdict = usable(answer)
        except Exception as error:
            done.failures += 1
            done.error = f"{type(error).__name__} while it judged a tweet"
        else:
            done.challenger_s.append(worked_s)
            done.rows.append(_row(version, verdict, prediction))
    return done


def _turn(scorer: Scorer, text: str) -> tuple[Verdict, float]:
    """Judge a text and rest: the verdict, and the seconds that it took."""
    started_s = time.perf_counter()
    try:
        return scorer.predict_one(text), time.perf_counter() - started_s
    finally:
        time.sleep(max(_REST_S, _REST * (time.perf_counter() - started_s)))


def _row(version: str, verdict: Verdict, prediction: PredictionRow) -> ShadowRow:
    return ShadowRow(
        prediction_id=prediction.id,
        version=version,
        score=verdict.score,
        sentiment=verdict.sentiment,
        agrees=verdict.sentiment == prediction.sentiment,
        shift=verdict.score - prediction.score,
        champion_version=prediction.model_version,
        scored_s=time.time(),
    )
