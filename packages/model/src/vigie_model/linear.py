"""A linear model over TF-IDF features, fused with them: from a text to its score without a matrix in between.

A score is `intercept + Σ_blocks (Σ_t f(n_t) · idf_t · w_t) / sqrt(Σ_t (f(n_t) · idf_t)²)`, where n_t counts the term
t in the text and f(n) is n or 1 + ln n. As long as no term comes twice, both sums are sums over the pieces of the
text (its runs of characters between white space), so each piece's part is worked out once and remembered. Terms that
come twice are counted in C and put right afterwards.

Equal to `transform(texts) @ weights + intercept` to 1e-9; a property test proves it. docs/decisions/0003 has the
measurements.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vigie_model.linear_batch import BatchScorer
from vigie_model.linear_terms import NO_WORD, LinearTerms
from vigie_model.tfidf import TfidfFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 6  # texts from which on arrays are faster than a loop: calling NumPy is what they cost


class LinearScorer:
    """Scores texts. Thread-safe; remembers 16,384 pieces of text at most for texts alone, 32,768 for batches.

    A text has the same score to the last bit alone and in any company.

    For features of at most one word block, of unigrams or of unigrams and bigrams, and at most one character block
    (see `can_fuse`).
    """

    def __init__(self, features: TfidfFeatures, weights: NDArray[np.float64], intercept: float) -> None:
        self._terms = LinearTerms(features, weights)
        self._intercept = intercept
        self._batches = BatchScorer(self._terms, intercept)

    @staticmethod
    def can_fuse(features: TfidfFeatures) -> bool:
        """Whether the features have the shape that this scorer takes."""
        kinds = [block.analyzer for block in features.blocks]
        ranges = [block.ngrams for block in features.blocks if block.analyzer == "word"]
        return kinds.count("word") <= 1 and kinds.count("char_wb") <= 1 and all(r in {(1, 1), (1, 2)} for r in ranges)

    def margin(self, text: str) -> tuple[float, float]:
        """The linear score of a text (log-odds of positive, before calibration) and its evidence of language."""
        terms = self._terms
        gains, squares, bigram_of = terms.gains, terms.squares, terms.bigrams.get
        word_gain = word_square = char_gain = char_square = bigram_gain = bigram_square = evidence = 0.0
        columns: list[int] = []
        before = 0
        known = terms.known.get
        for piece in terms.pieces(text):
            head, tail, wg, ws, cg, cs, piece_columns, language = known(piece) or terms.piece(piece)
            evidence += language
            if tail == NO_WORD:
                continue
            if before and tail:
                column = bigram_of(before + tail)
                if column is not None:
                    bigram_gain += gains[column]
                    bigram_square += squares[column]
                    columns.append(column)
            before = head
            word_gain += wg
            word_square += ws
            char_gain += cg
            char_square += cs
            columns += piece_columns

        counts = Counter(columns)
        if len(columns) > 4 * len(counts) + 64:  # so many repetitions that taking them back would cost digits
            word_gain, word_square, char_gain, char_square = terms.count(columns)
        else:
            word_gain += bigram_gain
            word_square += bigram_square
            if len(counts) < len(columns):
                again = sorted([(column, count) for column, count in counts.items() if count > 1])
                more = terms.put_right(again)
                word_gain += more[0]
                word_square += more[1]
                char_gain += more[2]
                char_square += more[3]
        score = self._intercept
        if word_square > 0.0:
            score += word_gain / math.sqrt(word_square)
        if char_square > 0.0:
            score += char_gain / math.sqrt(char_square)
        return score, evidence

    def remember(self, pieces: int) -> None:
        """Remember so many pieces between two batches, for streams: about 400 bytes each."""
        self._batches.remember(pieces)

    def margins_and_evidence(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        """What `margin` says of each text, in order."""
        if len(texts) < _BATCH:
            return [self.margin(text) for text in texts]
        return self._batches.margins_and_evidence(texts)

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The linear score of each text, float64, shape (len(texts),)."""
        return np.array([margin for margin, _ in self.margins_and_evidence(texts)], dtype=np.float64)
