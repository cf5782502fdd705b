"""The terms of a linear model over TF-IDF features, and what they say of one piece of text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vigie_model.language import piece_evidence
from vigie_model.negation import Reach
from vigie_model.tfidf import Block, TfidfFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CACHED_PIECE = 32  # characters
_CACHE_SIZE = 16_384  # pieces; about 1 kB each

NO_WORD = -1
"""The tail of a piece that cleaning leaves no word of."""


class Piece(NamedTuple):
    """What is known of a piece: a run of characters between white space.

    `head` and `tail` are the parts of a bigram's key that its last word begins and its first word ends. The sums, of
    idf · w (gain) and of idf² (square), count every occurrence of a term as a first one. `columns` has an entry for
    each occurrence.
    """

    head: int
    tail: int
    word_gain: float
    word_square: float
    char_gain: float
    char_square: float
    columns: tuple[int, ...]
    language: float


class LinearTerms:
    """Columns, weights and the way from a piece to its part of the score.

    `bigrams` maps the sum of a head and a tail to a column; a word that begins no bigram has the head 0, one that ends
    none the tail 0, and no key is made of those.
    """

    def __init__(self, features: TfidfFeatures, weights: NDArray[np.float64]) -> None:
        self._features = features
        self._unigrams: dict[str, int] = {}
        self._heads: dict[str, int] = {}
        self._tails: dict[str, int] = {}
        self._char_block: int | None = None
        self._chars: dict[str, tuple[tuple[int, ...], float, float]] = {}
        self._reach: Reach | None = None
        self.bigrams: dict[int, int] = {}
        self.known: dict[str, Piece] = {}
        self.char_range = range(0)
        self.word_sublinear = self.char_sublinear = True
        idf = np.concatenate([block.idf for block in features.blocks]) if features.blocks else np.zeros(0)
        self.gains: list[float] = (idf * weights).tolist()
        self.squares: list[float] = (idf * idf).tolist()
        start = 0
        for number, block in enumerate(features.blocks):
            if block.analyzer == "word":
                self._take_words(block, start)
            else:
                self._char_block = number
                self.char_sublinear = block.sublinear
                self.char_range = range(start, start + len(block.terms))
            start += len(block.terms)

    def _take_words(self, block: Block, start: int) -> None:
        self.word_sublinear = block.sublinear
        if block.negation_span:
            self._reach = Reach(self._features.cleaner, block.negation_span)
        pairs: list[tuple[str, str, int]] = []
        for column, term in enumerate(block.terms, start):
            first, space, second = term.partition(" ")
            if space:
                pairs.append((first, second, column))
                self._tails.setdefault(second, len(self._tails) + 1)
            else:
                self._unigrams[term] = column
        stride = len(self._tails) + 1
        for first, second, column in pairs:
            head = self._heads.setdefault(first, (len(self._heads) + 1) * stride)
            self.bigrams[head + self._tails[second]] = column

    def split(self, text: str) -> list[str]:
        """The pieces of a text as they stand there, whatever a negation before them makes of them."""
        return self._features.cleaner.alike(text).split()

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text, as `learn` takes them: a negation before a piece may make it another one."""
        text = self._features.cleaner.alike(text)
        return text.split() if self._reach is None else self._reach.pieces(text)

    def after(self, piece: str) -> tuple[int, ...]:
        """By how many words a negation reaches before a piece of `split`: by how many after it (see `Reach.after`)."""
        return (0,) if self._reach is None else self._reach.after(piece)

    def piece_alike(self, piece: str) -> str:
        """A piece of `split` of which the same is known."""
        return self._features.cleaner.piece_alike(piece)

    def piece(self, piece: str) -> Piece:
        """What is known of a piece, learnt when it is nothing yet; 16,384 short ones are remembered in `known`."""
        known = self.known.get(piece)
        if known is None:
            known = self.learn(piece)
            if len(piece) <= _CACHED_PIECE:
                if len(self.known) >= _CACHE_SIZE:
                    self.known.clear()
                self.known[piece] = known
        return known

    def learn(self, piece: str) -> Piece:
        """What a piece adds to the score of a text that it is in."""
        words: Sequence[str]
        tokens: Sequence[str]
        if self._reach is None:
            words = tokens = self._features.cleaner.piece_tokens(piece)
        else:
            words, tokens, piece = self._reach.words(piece)
        word_columns = [self._unigrams[word] for word in words if word in self._unigrams]
        head = 0
        for word in words:
            column = self.bigrams.get(head + self._tails.get(word, 0))
            if column is not None:
                word_columns.append(column)
            head = self._heads.get(word, 0)
        char_columns: tuple[int, ...] = ()
        char_gain = char_square = 0.0
        for token in tokens:
            own, gain, square = self._chars.get(token) or self._learn_chars(token)
            char_columns += own
            char_gain += gain
            char_square += square
        return Piece(
            head,
            self._tails.get(words[0], 0) if words else NO_WORD,
            sum(map(self.gains.__getitem__, word_columns)),
            sum(map(self.squares.__getitem__, word_columns)),
            char_gain,
            char_square,
            (*word_columns, *char_columns),
            piece_evidence(piece),
        )

    def _learn_chars(self, token: str) -> tuple[tuple[int, ...], float, float]:
        """The columns of a token's character n-grams, and their gain and square."""
        columns: tuple[int, ...] = ()
        if self._char_block is not None:
            start = self.char_range.start
            columns = tuple([start + column for column in self._features.find_char_ids(self._char_block, token)])
        found = columns, sum(map(self.gains.__getitem__, columns)), sum(map(self.squares.__getitem__, columns))
        if len(token) <= _CACHED_PIECE:
            if len(self._chars) >= _CACHE_SIZE:
                self._chars.clear()
            self._chars[token] = found
        return found

    def put_right(self, again: Sequence[tuple[int, int]]) -> tuple[float, float, float, float]:
        """What the sums lack, of gains and squares, of words and of characters, when each occurrence of these columns
        was taken for a first one. `again`: column and number of times, in the order of columns.
        """
        gains, squares, first_char, after_chars = self.gains, self.squares, self.char_range.start, self.char_range.stop
        word_gain = word_square = char_gain = char_square = 0.0
        for column, count in again:
            if first_char <= column < after_chars:
                frequency = 1.0 + math.log(count) if self.char_sublinear else float(count)
                char_gain += (frequency - count) * gains[column]
                char_square += (frequency * frequency - count) * squares[column]
            else:
                frequency = 1.0 + math.log(count) if self.word_sublinear else float(count)
                word_gain += (frequency - count) * gains[column]
                word_square += (frequency * frequency - count) * squares[column]
        return word_gain, word_square, char_gain, char_square

    def count(self, columns: Sequence[int]) -> tuple[float, float, float, float]:
        """The sums of gains and squares, of words and of characters, of a text with these columns."""
        sums = {True: [0.0, 0.0], False: [0.0, 0.0]}
        for column, count in sorted(Counter(columns).items()):
            is_char = column in self.char_range
            sublinear = self.char_sublinear if is_char else self.word_sublinear
            frequency = 1.0 + math.log(count) if sublinear else float(count)
            sums[is_char][0] += frequency * self.gains[column]
            sums[is_char][1] += frequency * frequency * self.squares[column]
        return sums[False][0], sums[False][1], sums[True][0], sums[True][1]
