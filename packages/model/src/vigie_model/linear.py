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

from vigie_model.language import piece_evidence
from vigie_model.tfidf import Block, TfidfFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CACHED_PIECE = 32  # characters
_CACHE_SIZE = 16_384  # pieces; about 1 kB each

_Followers = dict[str, int]  # second word of a bigram -> its column
_NO_FOLLOWERS: _Followers = {}

# What is remembered of a piece: its first word ("" when cleaning left none); the bigrams that its last word begins;
# the word block's sums of idf · w and of idf², counting every occurrence as a first one; the character block's; the
# columns of every occurrence; the evidence of language. A plain tuple, because Python unpacks those fastest.
_Piece = tuple[str, _Followers, float, float, float, float, tuple[int, ...], float]


class LinearScorer:
    """Scores one text at a time. Thread-safe; remembers 16,384 pieces of text at most.

    For features of at most one word block, of unigrams or of unigrams and bigrams, and at most one character block
    (see `can_fuse`).
    """

    def __init__(self, features: TfidfFeatures, weights: NDArray[np.float64], intercept: float) -> None:
        self._cleaner = features.cleaner
        self._features = features
        self._intercept = intercept
        self._unigrams: dict[str, int] = {}
        self._followers: dict[str, _Followers] = {}
        self._char_block: int | None = None
        self._char_range = range(0)
        self._word_sublinear = self._char_sublinear = True
        idf = np.concatenate([block.idf for block in features.blocks]) if features.blocks else np.zeros(0)
        self._gains: list[float] = (idf * weights).tolist()
        self._squares: list[float] = (idf * idf).tolist()
        start = 0
        for number, block in enumerate(features.blocks):
            if block.analyzer == "word":
                self._take_words(block, start)
            else:
                self._char_block = number
                self._char_sublinear = block.sublinear
                self._char_range = range(start, start + len(block.terms))
            start += len(block.terms)
        self._pieces: dict[str, _Piece] = {}

    @staticmethod
    def can_fuse(features: TfidfFeatures) -> bool:
        """Whether the features have the shape that this scorer takes."""
        kinds = [block.analyzer for block in features.blocks]
        ranges = [block.ngrams for block in features.blocks if block.analyzer == "word"]
        return kinds.count("word") <= 1 and kinds.count("char_wb") <= 1 and all(r in {(1, 1), (1, 2)} for r in ranges)

    def margin(self, text: str) -> tuple[float, float]:
        """The linear score of a text (log-odds of positive, before calibration) and its evidence of language."""
        word_gain = word_square = char_gain = char_square = evidence = 0.0
        columns: list[int] = []
        followers = _NO_FOLLOWERS
        known = self._pieces.get
        for piece in text.split():
            first, last_followers, wg, ws, cg, cs, piece_columns, piece_language = known(piece) or self._learn(piece)
            evidence += piece_language
            if not first:
                continue
            if first in followers:
                column = followers[first]
                word_gain += self._gains[column]
                word_square += self._squares[column]
                columns.append(column)
            followers = last_followers
            word_gain += wg
            word_square += ws
            char_gain += cg
            char_square += cs
            columns += piece_columns

        counts = Counter(columns)
        if len(columns) > 4 * len(counts) + 64:  # so many repetitions that taking them back would cost digits
            word_gain, word_square, char_gain, char_square = self._recount(counts)
        elif len(counts) < len(columns):
            gains, squares, char_range = self._gains, self._squares, self._char_range
            for column, count in counts.items():
                if count > 1:
                    if column in char_range:
                        frequency = 1.0 + math.log(count) if self._char_sublinear else float(count)
                        char_gain += (frequency - count) * gains[column]
                        char_square += (frequency * frequency - count) * squares[column]
                    else:
                        frequency = 1.0 + math.log(count) if self._word_sublinear else float(count)
                        word_gain += (frequency - count) * gains[column]
                        word_square += (frequency * frequency - count) * squares[column]
        score = self._intercept
        if word_square > 0.0:
            score += word_gain / math.sqrt(word_square)
        if char_square > 0.0:
            score += char_gain / math.sqrt(char_square)
        return score, evidence

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The linear score of each text, float64, shape (len(texts),)."""
        return np.array([self.margin(text)[0] for text in texts], dtype=np.float64)

    def _recount(self, counts: Counter[int]) -> tuple[float, float, float, float]:
        sums = {True: [0.0, 0.0], False: [0.0, 0.0]}
        for column, count in counts.items():
            is_char = column in self._char_range
            sublinear = self._char_sublinear if is_char else self._word_sublinear
            frequency = 1.0 + math.log(count) if sublinear else float(count)
            sums[is_char][0] += frequency * self._gains[column]
            sums[is_char][1] += frequency * frequency * self._squares[column]
        return sums[False][0], sums[False][1], sums[True][0], sums[True][1]

    def _take_words(self, block: Block, start: int) -> None:
        self._word_sublinear = block.sublinear
        for column, term in enumerate(block.terms, start):
            first, space, second = term.partition(" ")
            if space:
                self._followers.setdefault(first, {})[second] = column
            else:
                self._unigrams[term] = column

    def _learn(self, piece: str) -> _Piece:
        words = self._cleaner.piece_tokens(piece)
        word_columns = [self._unigrams[word] for word in words if word in self._unigrams]
        followers = _NO_FOLLOWERS
        for word in words:
            if word in followers:
                word_columns.append(followers[word])
            followers = self._followers.get(word, _NO_FOLLOWERS)
        char_columns: list[int] = []
        if self._char_block is not None:
            start = self._char_range.start
            for word in words:
                char_columns += [start + column for column in self._features.token_char_ids(self._char_block, word)]
        gain_of, square_of = self._gains.__getitem__, self._squares.__getitem__
        known = (
            words[0] if words else "",
            followers,
            sum(map(gain_of, word_columns)),
            sum(map(square_of, word_columns)),
            sum(map(gain_of, char_columns)),
            sum(map(square_of, char_columns)),
            (*word_columns, *char_columns),
            piece_evidence(piece),
        )
        if len(piece) <= _CACHED_PIECE:
            if len(self._pieces) >= _CACHE_SIZE:
                self._pieces.clear()
            self._pieces[piece] = known
        return known
