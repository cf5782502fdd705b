"""What serves now: one reference, swapped whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol

from vigie_api.prediction.schema import ModelReference, Sentiment
from vigie_api.problem import Problem

_WARM_UP = ("Merci, vol parfait !", "My flight was cancelled and nobody answers.", "🙂", "Je suis content d'être ici.")


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


class Verdict(NamedTuple):
    """What a scorer says of a text; `vigie_model.Prediction` has these fields in this order."""

    sentiment: Sentiment
    score: float
    confidence: float
    uncertain: bool
    language: str


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


def serve(name: str, release: Release, scorer: Scorer) -> Served:
    """A version that is loaded now, ready for requests. Blocks: the scorer judges a few texts to be warm."""
    scorer.predict(_WARM_UP)
    for text in _WARM_UP:
        scorer.predict_one(text)
    return Served(
        name=name,
        release=release,
        scorer=scorer,
        loaded_at=datetime.now(UTC),
        light=scorer.cost == "light",
        reference=ModelReference(name=name, version=release.version, recipe=release.recipe),
    )


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
