"""Whether a day has drifted: a profile against the reference that travels with the model. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vigie_api.drift.measures import jensen_shannon, psi
from vigie_api.drift.profile import SCORE_STEPS, Profile
from vigie_model import LANGUAGES, Reference

Name = Literal["score", "length", "language", "vocabulary"]
Statistic = Literal["psi", "jensen_shannon", "share"]
State = Literal["ok", "warning", "alert", "few"]
_WORST = ("ok", "warning", "alert")
_FEWEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """From which value on a measure warns or alerts, and the fewest predictions that are judged at all."""

    warning: float
    alert: float
    predictions: int


@dataclass(frozen=True, slots=True)
class Measure:
    """One comparison of a day with the reference. The value of `vocabulary` is the share of words that was lost."""

    name: Name
    statistic: Statistic
    value: float
    state: State


def measure(profile: Profile, reference: Reference, limits: Limits) -> list[Measure]:
    """Every measure that the reference has statistics for; none when there are too few predictions."""
    if profile.predictions < limits.predictions:
        return []
    return [
        Measure(name, statistic, round(value, 6), _state(value, limits))
        for name, statistic, value in _values(profile, reference)
    ]


def _values(profile: Profile, reference: Reference) -> Iterator[tuple[Name, Statistic, float]]:
    if reference.score is not None:
        scores = {round(step / SCORE_STEPS, 2): count for step, count in profile.scores.items()}
        yield "score", "psi", psi(reference.score.shares, reference.score.count(scores))
    if reference.length is not None:
        lengths = {float(length): count for length, count in profile.lengths.items()}
        yield "length", "psi", psi(reference.length.shares, reference.length.count(lengths))
    if reference.languages is not None:
        live = [profile.languages[code] for code in LANGUAGES]
        yield "language", "jensen_shannon", jensen_shannon([reference.languages[code] for code in LANGUAGES], live)
    if reference.coverage is not None and profile.words >= _FEWEST_WORDS:
        yield "vocabulary", "share", max(0.0, reference.coverage - profile.known_words / profile.words)


def _state(value: float, limits: Limits) -> State:
    if value >= limits.alert:
        return "alert"
    return "warning" if value >= limits.warning else "ok"


def worst(measures: list[Measure]) -> State:
    """The worst state of a day's measures; few when there are none."""
    return max((found.state for found in measures), key=_WORST.index, default="few")
