"""Predictions as the columns that a drift report compares: numbers and a language, no text. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from vigie_model import LANGUAGES, Reference, reference_row

NUMBERS = ("score", "length", "words", "known_share")
CATEGORIES = ("language", "sentiment")
Columns = dict[str, list[Any]]


def reference_columns(reference: Reference) -> Columns:
    """The sample that travels with a model; empty when it has none."""
    if not reference.sample:
        return {}
    found: Columns = {name: list(column) for name, column in reference.sample.items()}
    return found | {"sentiment": [_sentiment(score) for score in found["score"]]}


def live_columns(predictions: Iterable[Mapping[str, Any]], reference: Reference) -> Columns:
    """The same columns of predictions as the API exports them; lines that are none are left out."""
    rows = []
    for prediction in predictions:
        text, score, language = (prediction.get(name) for name in ("text", "score", "language"))
        if not isinstance(text, str) or not isinstance(score, int | float) or language not in LANGUAGES:
            continue
        # The language is what the API told when it predicted.
        rows.append((*reference_row(text, float(score), reference.words)[:-1], language, _sentiment(score)))
    names = (*NUMBERS, *CATEGORIES)
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _sentiment(score: float) -> str:
    return "positive" if score >= 0.5 else "negative"
