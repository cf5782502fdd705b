"""What each run of characters of a text adds to its score, in log-odds of positive.

Exact for TF-IDF under a linear head: the score is a sum over terms, and each term belongs to the runs it is made of.
For everything else by occlusion (Zeiler and Fergus, 2014, https://arxiv.org/abs/1311.2901): what the score loses when
the run is left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from vigie_model.calibration import Curve, Platt
from vigie_model.heads import LinearHead
from vigie_model.negation import mark_negated
from vigie_model.tfidf import Block, TfidfFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

Method = Literal["linear", "occlusion"]

MAX_PASSES = 64
_MOST_CHARACTERS = 40_000  # scored for one explanation: half a second of the slowest encoder
_FEWEST_PASSES = 8
_CERTAIN = 1e-9  # a calibrated score is kept this far from 0 and 1 before its log-odds are taken

_RUN = re.compile(r"\S+")


class TokenContribution(NamedTuple):
    """A run of the original text, `text[start:end]` (Unicode code points), and what it adds to the log-odds."""

    text: str
    start: int
    end: int
    contribution: float


class Attribution(NamedTuple):
    """The parts of a score: `base` and the contributions add up to the log-odds of positive."""

    method: Method
    base: float
    tokens: list[TokenContribution]


def runs_of(text: str) -> list[tuple[int, int]]:
    """Start and end of each run of characters without white space."""
    return [match.span() for match in _RUN.finditer(text)]


def log_odds(curve: Curve, margin: float) -> float:
    """The log-odds of positive that a calibration makes of a margin."""
    if isinstance(curve, Platt):
        return curve.slope * margin + curve.intercept
    score = min(max(curve.one(margin), _CERTAIN), 1.0 - _CERTAIN)
    return math.log(score / (1.0 - score))


def by_terms(text: str, features: TfidfFeatures, head: LinearHead, curve: Curve) -> Attribution:
    """The exact parts of a linear score.

    A term's part is shared evenly by its occurrences, and an occurrence's by the tokens it is made of. Under Platt's
    calibration parts are multiplied by its slope, and the base is the log-odds of a text without a known term. An
    isotonic calibration has no slope: parts are those of the margin, and the base takes up the rest.
    """
    runs = runs_of(text)
    owners: list[int] = []  # the run of each token
    tokens: list[str] = []
    for run, (start, end) in enumerate(runs):
        cleaned = features.cleaner.piece_tokens(text[start:end])
        tokens += cleaned
        owners += [run] * len(cleaned)
    parts = np.zeros(len(runs))
    first_column = 0
    for number, block in enumerate(features.blocks):
        weights = head.weights[first_column : first_column + len(block.terms)]
        first_column += len(block.terms)
        _add_block(parts, features, number, tokens, owners, weights)
    slope = curve.slope if isinstance(curve, Platt) else 1.0
    total = log_odds(curve, head.intercept + float(parts.sum()))
    return _attribution("linear", text, runs, parts * slope, total)


def _add_block(
    parts: NDArray[np.float64],
    features: TfidfFeatures,
    number: int,
    tokens: Sequence[str],
    owners: Sequence[int],
    weights: NDArray[np.float64],
) -> None:
    block = features.blocks[number]
    occurrences: list[tuple[int, Sequence[int]]] = []  # column, the runs that the n-gram's tokens came from
    if block.analyzer == "word":
        occurrences = _word_occurrences(features.index(number), block, tokens, owners)
    else:
        for token, owner in zip(tokens, owners, strict=True):
            occurrences += [(column, (owner,)) for column in features.token_char_ids(number, token)]
    counts = Counter(column for column, _ in occurrences)
    values = {
        column: (1.0 + math.log(count) if block.sublinear else count) * float(block.idf[column])
        for column, count in counts.items()
    }
    norm = math.sqrt(sum(value * value for value in values.values()))
    for column, shared in occurrences:
        part = values[column] * float(weights[column]) / (norm * counts[column] * len(shared))
        for owner in shared:
            parts[owner] += part


def _word_occurrences(
    index: dict[str, int], block: Block, tokens: Sequence[str], owners: Sequence[int]
) -> list[tuple[int, Sequence[int]]]:
    low, high = block.ngrams
    if block.negation_span:
        tokens, _ = mark_negated(tokens, block.negation_span)
    return [
        (index[term], owners[at : at + n])
        for n in range(low, high + 1)
        for at in range(len(tokens) - n + 1)
        if (term := " ".join(tokens[at : at + n])) in index
    ]


def by_occlusion(
    text: str, margins: Callable[[Sequence[str]], NDArray[np.float64]], margin: float, curve: Curve, max_passes: int
) -> Attribution:
    """What the log-odds lose when a run is left out; `margin` is that of the whole text.

    `margins` is asked once, for `max_passes` - 1 texts at most. A text of more runs, or a long one, is cut into windows
    of runs that share their loss evenly. The base is what no run accounts for alone.
    """
    runs = runs_of(text)
    total = log_odds(curve, margin)
    affordable = max(_FEWEST_PASSES, _MOST_CHARACTERS // max(1, len(text)))
    windows = _windows(len(runs), max(1, min(max_passes, affordable) - 1))
    shorter = [text[: runs[first][0]] + text[runs[last - 1][1] :] for first, last in windows]
    parts = np.zeros(len(runs))
    if shorter:
        for (first, last), other in zip(windows, margins(shorter).tolist(), strict=True):
            parts[first:last] = (total - log_odds(curve, other)) / (last - first)
    return _attribution("occlusion", text, runs, parts, total)


def _windows(runs: int, most: int) -> list[tuple[int, int]]:
    """At most `most` windows over `runs` runs, as equal as can be."""
    number = min(runs, most)
    edges = [runs * window // number for window in range(number + 1)] if number else []
    return list(pairwise(edges))


def _attribution(
    method: Method, text: str, runs: Sequence[tuple[int, int]], parts: NDArray[np.float64], total: float
) -> Attribution:
    tokens = [
        TokenContribution(text[start:end], start, end, part)
        for (start, end), part in zip(runs, parts.tolist(), strict=True)
    ]
    return Attribution(method, total - math.fsum(parts.tolist()), tokens)
