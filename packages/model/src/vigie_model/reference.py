"""Statistics that travel with a model, so that live traffic can be compared with what it was made for.

`Manifest.reference` holds them. Trainer and API read texts with the same functions, so they cannot differ. An artifact
of before this module has a histogram of scores and a few quantiles of length instead; those are read too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from vigie_model.cleaning import normalise
from vigie_model.language import LANGUAGES, detect_language

MOST_WORDS = 5_000
FEWEST_TEXTS = 5
"""A word of fewer texts is not kept: it is no vocabulary yet, and may be somebody's name."""
BINS = 10
SCORE_STEP = 0.01
SAMPLE_ROWS = 1_000
SAMPLE_COLUMNS = ("score", "length", "words", "known_share", "language")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Bins:
    """A distribution: bin i holds what is at least `cuts[i - 1]` and less than `cuts[i]`; `shares` add up to 1."""

    cuts: tuple[float, ...]
    shares: tuple[float, ...]

    def count(self, values: Mapping[float, int]) -> list[int]:
        """How many of the values, each with its number of times, fall into each bin."""
        counts = [0] * len(self.shares)
        for value, times in values.items():
            counts[bisect_right(self.cuts, value)] += times
        return counts


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model's training rows looked like, by scores of rows it was not fitted on; None where nothing is known."""

    rows: int
    score: Bins | None
    length: Bins | None
    languages: Mapping[str, float] | None
    words: frozenset[str]
    coverage: float | None
    """Share of the words of a text that are in `words`."""
    sample: Mapping[str, Sequence[Any]]
    """Some of the rows, as numbers: columns of SAMPLE_COLUMNS, equally long; empty when there are none."""


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; no mentions, hashtags, links or numbers."""
    pieces = (piece for piece in text.split() if piece[0] not in "@#" and "://" not in piece and len(piece) <= 64)
    return [word for piece in pieces for word in _WORD.findall(normalise(piece).lower())]


def known_words(text: str, words: frozenset[str]) -> tuple[int, int]:
    """How many words of a text are among `words`, and how many it has."""
    found = words_of(text)
    return sum(word in words for word in found), len(found)


def describe(texts: Sequence[str], scores: Sequence[float]) -> dict[str, Any]:
    """The statistics of texts and of their scores, as plain data for a manifest.

    Bins hold about a tenth each. The vocabulary comes from every other text and its coverage from the rest, so that it
    is what new texts of the same kind would show.
    """
    words, coverage = _vocabulary(texts)
    languages = Counter(map(detect_language, texts))
    return {
        "rows": len(texts),
        "score_bins": _quantile_bins([round(score / SCORE_STEP) * SCORE_STEP for score in scores], scores, 2),
        "length_bins": _quantile_bins([len(text) for text in texts], [len(text) for text in texts], 0),
        "language_share": {code: languages[code] / max(1, len(texts)) for code in LANGUAGES},
        "vocabulary": {"words": words, "coverage": coverage},
        "sample": _sample(texts, scores, frozenset(words)),
    }


def row_of(text: str, score: float, words: frozenset[str]) -> tuple[float, int, int, float, str]:
    """What a report compares of a text, in the order of SAMPLE_COLUMNS: numbers and a language, nothing to read."""
    known, total = known_words(text, words)
    return round(score, 4), len(text), total, round(known / total, 4) if total else 1.0, detect_language(text)


def _sample(texts: Sequence[str], scores: Sequence[float], words: frozenset[str]) -> dict[str, Any]:
    """Rows evenly spread over those that the vocabulary was not made from."""
    step = max(1, (len(texts) // 2) // SAMPLE_ROWS)
    chosen = range(1, len(texts), 2)[::step][:SAMPLE_ROWS]
    rows = [row_of(texts[at], scores[at], words) for at in chosen]
    return {name: [row[place] for row in rows] for place, name in enumerate(SAMPLE_COLUMNS)}


def _quantile_bins(grid: Sequence[float], values: Sequence[float], digits: int) -> dict[str, Any]:
    ordered = sorted(grid)
    at = [ordered[len(ordered) * step // BINS] for step in range(1, BINS)] if ordered else []
    cuts = sorted({round(cut, digits) for cut in at if cut > ordered[0]})
    bins = Bins(tuple(cuts), (0.0,) * (len(cuts) + 1))
    counts = bins.count(Counter(values))
    return {"cuts": cuts, "shares": [count / max(1, len(values)) for count in counts]}


def _vocabulary(texts: Sequence[str]) -> tuple[list[str], float | None]:
    frequency = Counter(word for text in texts[::2] for word in set(words_of(text)))
    most_first = sorted(frequency.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    words = sorted(word for word, count in most_first if count >= FEWEST_TEXTS)
    pairs = [known_words(text, frozenset(words)) for text in texts[1::2]]
    total = sum(count for _, count in pairs)
    return words, sum(known for known, _ in pairs) / total if words and total else None


def read_reference(document: Mapping[str, Any]) -> Reference | None:
    """The statistics in a manifest's `reference`; None when there are none. What makes no sense counts as absent."""
    vocabulary = document.get("vocabulary")
    vocabulary = vocabulary if isinstance(vocabulary, Mapping) else {}
    words = vocabulary.get("words")
    coverage = vocabulary.get("coverage")
    rows = document.get("rows")
    found = Reference(
        rows=rows if isinstance(rows, int) else 0,
        score=_bins(document.get("score_bins")) or _old_scores(document.get("score_histogram")),
        length=_bins(document.get("length_bins")) or _old_lengths(document.get("length_quantiles")),
        languages=_languages(document.get("language_share")),
        words=frozenset(word for word in words if isinstance(word, str)) if isinstance(words, list) else frozenset(),
        coverage=float(coverage) if isinstance(coverage, int | float) else None,
        sample=_read_sample(document.get("sample")),
    )
    known = (found.score, found.length, found.languages, found.coverage)
    return None if all(part is None for part in known) else found


def _read_sample(document: object) -> dict[str, list[Any]]:
    columns = {name: document.get(name) for name in SAMPLE_COLUMNS} if isinstance(document, Mapping) else {}
    found = {name: column for name, column in columns.items() if isinstance(column, list) and column}
    return found if len(found) == len(SAMPLE_COLUMNS) and len({len(column) for column in found.values()}) == 1 else {}


def _numbers(value: object) -> list[float] | None:
    if not isinstance(value, list) or not all(isinstance(number, int | float) for number in value):
        return None
    return [float(number) for number in value]


def _bins(document: object) -> Bins | None:
    if not isinstance(document, Mapping):
        return None
    cuts, shares = _numbers(document.get("cuts")), _numbers(document.get("shares"))
    if cuts is None or shares is None or len(shares) != len(cuts) + 1 or sorted(set(cuts)) != cuts:
        return None
    total = sum(shares)
    if min(shares) < 0 or total <= 0:
        return None
    return Bins(tuple(cuts), tuple(share / total for share in shares))


def _old_scores(document: object) -> Bins | None:
    if not isinstance(document, Mapping):
        return None
    edges, counts = _numbers(document.get("edges")), _numbers(document.get("counts"))
    if edges is None or counts is None:
        return None
    return _bins({"cuts": [round(edge, 4) for edge in edges[1:-1]], "shares": counts})


def _old_lengths(document: object) -> Bins | None:
    if not isinstance(document, Mapping):
        return None
    try:
        quantiles = sorted((float(share), float(value)) for share, value in document.items())
    except (TypeError, ValueError):
        return None
    below: dict[float, float] = {}  # two quantiles at one length leave the larger share below it
    for share, value in quantiles:
        below[value] = share
    steps = [0.0, *below.values(), 1.0]
    shares = [later - earlier for earlier, later in pairwise(steps)]
    return _bins({"cuts": list(below), "shares": shares}) if below else None


def _languages(document: object) -> dict[str, float] | None:
    if not isinstance(document, Mapping):
        return None
    shares = [document.get(code, 0.0) for code in LANGUAGES]
    if not all(isinstance(share, int | float) and share >= 0 for share in shares) or sum(shares) <= 0:
        return None
    return {code: float(share) / sum(shares) for code, share in zip(LANGUAGES, shares, strict=True)}
