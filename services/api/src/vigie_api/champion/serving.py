"""What serves now: one reference, swapped whole."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol

from vigie_api.prediction.schema import ModelReference, Sentiment
from vigie_api.problem import Problem

_WARM_UP = ("Merci, vol parfait !", "My flight was cancelled and nobody answers.", "🙂", "Je suis content d'être ici.")
_SENTIMENTS = ("positive", "negative")


class NoModel(Problem):
    """Nothing can judge yet."""

    status = 503
    slug = "no-model"
    title = "No model"
    retry_after_s = 5


class Overloaded(Problem):
    """Too much waits for a thread."""

    status = 503
    slug = "overloaded"
    title = "Overloaded"
    retry_after_s = 1


class Unfit(Problem):
    """The version loads, and judges no tweet as it should."""

    status = 409
    slug = "version-unfit"
    title = "Version unfit"


class Verdict(NamedTuple):
    """What a scorer says of a text; `vigie_model.Prediction` has these fields in this order."""

    sentiment: Sentiment
    score: float
    confidence: float
    uncertain: bool
    language: str


class NoVerdict(ValueError):  # noqa: N818 - reads as what happened
    """What a scorer said is no verdict."""


def usable(verdict: Sequence[object]) -> Verdict:
    """The verdict, when it is one. Raises NoVerdict for a score that is no probability, or an unknown sentiment."""
    sentiment, value, *rest = verdict
    number = float(value)  # type: ignore[arg-type] # what is no number raises, as it should
    if not (math.isfinite(number) and 0.0 <= number <= 1.0) or sentiment not in _SENTIMENTS:
        raise NoVerdict("it answers with no verdict")
    return Verdict(sentiment, number, *rest)  # type: ignore[arg-type] # checked above


class Scorer(Protocol):
    """The part of `vigie_model.Model` that serving needs; any object with it can be served."""

    @property
    def cost(self) -> Literal["light", "heavy"]:
        """light: microseconds, scored on the event loop; heavy: scored in a thread."""
        ...

    def predict_one(self, text: str) -> Any:
        """The verdict on one text, a tuple like `Verdict`."""
        ...

    def predict(self, texts: Sequence[str]) -> Any:
        """The verdicts on the texts, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the registered model, as the registry describes it."""

    version: str
    recipe: str
    artifact_digest: str
    gate: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded version. Requests take the reference once and keep it to their end."""

    name: str
    release: Release
    scorer: Scorer
    loaded_at: datetime
    light: bool
    reference: ModelReference

    @property
    def version(self) -> str:
        """The registry's number of the version."""
        return self.release.version

    @property
    def recipe(self) -> str:
        """The recipe that made it."""
        return self.release.recipe


def serve(
    name: str,
    release: Release,
    scorer: Scorer,
    *,
    within_s: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Served:
    """A version that is loaded now, ready for requests. Blocks: the scorer judges a few texts to be warm.

    Raises Unfit when it fails on one, answers with no verdict, or needs longer than `within_s` for one text, twice:
    the first time it may only have been cold.
    """

    def slow(text: str) -> float | None:
        started_s = clock()
        _judge(release, scorer, [text])
        took_s = clock() - started_s
        return took_s if within_s is not None and took_s > within_s else None

    for text in _WARM_UP:
        took_s = slow(text) and slow(text)
        if took_s:
            raise Unfit(
                f"Version {release.version} needs {took_s:.1f} s to judge one tweet; {within_s:g} s are allowed "
                "(VIGIE_API_MODEL_WITHIN_S)."
            )
    _judge(release, scorer, _WARM_UP)
    return Served(
        name=name,
        release=release,
        scorer=scorer,
        loaded_at=datetime.now(UTC),
        light=scorer.cost == "light",
        reference=ModelReference(name=name, version=release.version, recipe=release.recipe),
    )


def _judge(release: Release, scorer: Scorer, texts: Sequence[str]) -> None:
    """Let it judge texts, a lone one by itself. Raises Unfit."""
    try:
        said = [scorer.predict_one(texts[0])] if len(texts) == 1 else scorer.predict(texts)
        for verdict in said:
            usable(verdict)
    except Exception as error:
        raise Unfit(f"Version {release.version} fails when it judges a tweet ({_kind(error)}).") from error


def _kind(error: Exception) -> str:
    return str(error) if isinstance(error, NoVerdict) else type(error).__name__


class Serving:
    """Holds what serves. Swapping is one assignment, so no request sees half of it."""

    def __init__(self) -> None:
        self.current: Served | None = None
        self.trouble = "The champion has not been loaded yet."

    def get(self) -> Served:
        """What serves now. Raises NoModel, with the reason."""
        served = self.current
        if served is None:
            raise NoModel(f"No model is loaded, so nothing can be judged yet. {self.trouble}")
        return served
