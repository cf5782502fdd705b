"""The fused linear scorer for many texts at a time: the sums of `LinearScorer.margin`, by arrays and not by a loop.

Every sum is taken in the order of the text, one number after the other, so that it is the same to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vigie_model.linear_terms import NO_WORD, LinearTerms
from vigie_model.piece_table import PieceTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_CACHE_SIZE = 16_384  # pieces
_CACHED_COLUMNS = 1_048_576  # of all pieces together: an attacker's are long
_AT_ONCE = 16_000  # characters; what their columns take fits into the processor's second cache


class _Read(NamedTuple):
    """The pieces of some texts that hold a word, in order; bigrams stand before their second piece."""

    number: int
    """Of texts."""
    text_of: Ints
    own: Floats
    """The four sums of each piece, shape (pieces, 4)."""
    bigrams: Ints
    """The pieces that a known bigram ends at."""
    bigram_columns: Ints


class BatchScorer:
    """Scores batches of texts. Thread-safe; remembers 16,384 pieces of text at most between two batches, or as
    many as `remember` says."""

    def __init__(self, terms: LinearTerms, intercept: float) -> None:
        self._terms = terms
        self._intercept = intercept
        self._gains: Floats = np.array(terms.gains)
        self._squares: Floats = np.array(terms.squares)
        self._width = max(1, len(terms.gains))
        # One more key, higher than any: what is sought is then always before the end.
        self._bigram_keys: Ints = np.array([*sorted(terms.bigrams), np.iinfo(np.int64).max])
        self._bigram_columns: Ints = np.array([*(terms.bigrams[key] for key in sorted(terms.bigrams)), 0])
        self._frequencies: Floats = np.array([0.0, 1.0])
        self._table = PieceTable()
        self._most_pieces, self._most_columns = _CACHE_SIZE, _CACHED_COLUMNS

    def remember(self, pieces: int) -> None:
        """Remember so many pieces from now on, for streams: about 400 bytes each."""
        self._most_pieces, self._most_columns = pieces, pieces * (_CACHED_COLUMNS // _CACHE_SIZE)

    def margins_and_evidence(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        """The linear score of each text and its evidence of language, in order."""
        found: list[tuple[float, float]] = []
        start = chars = 0
        for stop, text in enumerate(texts, 1):
            chars += len(text) + 1
            if chars >= _AT_ONCE or stop == len(texts):
                found += self._some(texts[start:stop])
                start, chars = stop, 0
        return found

    def _some(self, texts: Sequence[str]) -> list[tuple[float, float]]:
        table, rows, text_of = self._rows(texts)
        evidence = _totals(text_of, table.languages[rows], len(texts))
        spoken = table.tails[rows] != NO_WORD
        rows, text_of = rows[spoken], text_of[spoken]
        read = _Read(len(texts), text_of, table.sums[rows], *self._bigrams_of(table, rows, text_of))
        sums = self._sums(read)
        if len(rows):
            self._count(sums, *self._cells(table, rows, read))
        margins = np.full(len(texts), self._intercept)
        for gain, square in ((sums[0], sums[1]), (sums[2], sums[3])):
            norm = np.sqrt(np.maximum(square, 0.0))
            margins += np.divide(gain, norm, where=norm > 0.0, out=np.zeros(len(texts)))
        return list(zip(margins.tolist(), evidence.tolist(), strict=True))

    def _rows(self, texts: Sequence[str]) -> tuple[PieceTable, Ints, Ints]:
        """The table, and of each piece of the texts, in order: its row, and the number of its text."""
        table = self._table
        if len(table.rows) >= self._most_pieces or table.used_columns > self._most_columns:
            table = self._table = PieceTable()
        pieces: list[str] = []
        lengths: list[int] = []
        for text in texts:
            own = self._terms.pieces(text)
            pieces += own
            lengths.append(len(own))
        rows = np.fromiter(map(table.rows.get, pieces, repeat(-1)), dtype=np.int64, count=len(pieces))
        for place in np.flatnonzero(rows < 0).tolist():
            piece = pieces[place]  # which may have come earlier in these texts
            rows[place] = table.rows[piece] if piece in table.rows else table.append(piece, self._terms.piece(piece))
        return table, rows, np.repeat(np.arange(len(texts)), lengths)

    def _bigrams_of(self, table: PieceTable, rows: Ints, text_of: Ints) -> tuple[Ints, Ints]:
        """Which pieces a known bigram ends at that began with the piece before, and its column."""
        keys = table.heads[rows[:-1]] + table.tails[rows[1:]]
        at = self._bigram_keys.searchsorted(keys)
        known = np.flatnonzero((self._bigram_keys[at] == keys) & (text_of[1:] == text_of[:-1]))
        return known + 1, self._bigram_columns[at[known]]

    def _sums(self, read: _Read) -> list[Floats]:
        """Of each text: gains and squares of words, gains and squares of characters; each occurrence as a first."""
        twice = np.repeat(read.text_of, 2)
        sums: list[Floats] = []
        for which, of_column in ((0, self._gains), (1, self._squares)):
            parts = np.zeros((len(read.own), 2))
            parts[read.bigrams, 0] = of_column[read.bigram_columns]
            parts[:, 1] = read.own[:, which]
            sums.append(_totals(twice, parts.ravel(), read.number))
        return [*sums, *(_totals(read.text_of, read.own[:, which], read.number) for which in (2, 3))]

    def _cells(self, table: PieceTable, rows: Ints, read: _Read) -> tuple[Ints, Ints]:
        """Of each occurrence of a term: its cell, which is a text and a column, and its place in the order of all."""
        counts = table.counts[rows]
        starts = counts.cumsum() - counts
        columns = table.columns[np.arange(counts.sum()) + np.repeat(table.starts[rows] - starts, counts)]
        cells = np.concatenate((np.repeat(read.text_of, counts), read.text_of[read.bigrams])) * self._width
        cells += np.concatenate((columns, read.bigram_columns))
        # Twice the place, so that there is room for a bigram before its second piece.
        return cells, np.concatenate((2 * np.arange(len(columns)) + 1, 2 * starts[read.bigrams]))

    def _count(self, sums: list[Floats], cells: Ints, places: Ints) -> None:
        """Put right, in `sums`, what the terms add that come more than once in a text."""
        bits = int(places.max(initial=0)).bit_length()
        keys = (cells << bits) | places
        keys.sort()
        cells = keys >> bits
        again = np.flatnonzero(cells[1:] == cells[:-1])
        if not len(again):
            return
        begins = np.flatnonzero(np.concatenate(([True], again[1:] != again[:-1] + 1)))
        first = keys[again[begins]]
        order = (first & ((1 << bits) - 1)).argsort()  # of first occurrence
        texts, columns = np.divmod(first[order] >> bits, self._width)
        times = (np.diff(begins, append=len(again)) + 1)[order]
        self._put_right(sums, texts, columns, times)

        text_of = cells // self._width
        occurrences = np.bincount(text_of, minlength=len(sums[0]))
        distinct = occurrences - np.bincount(texts, times - 1, len(sums[0]))
        # So many repetitions that taking them back would cost digits.
        for text in np.flatnonzero(occurrences > 4 * distinct + 64).tolist():
            own = keys[text_of == text]
            in_order = own[(own & ((1 << bits) - 1)).argsort()] >> bits
            for total, value in zip(sums, self._terms.count((in_order % self._width).tolist()), strict=True):
                total[text] = value

    def _put_right(self, sums: list[Floats], texts: Ints, columns: Ints, times: Ints) -> None:
        terms = self._terms
        is_char = (columns >= terms.char_range.start) & (columns < terms.char_range.stop)
        frequencies = self._frequency(times)
        for chars, sublinear in ((False, terms.word_sublinear), (True, terms.char_sublinear)):
            kind = np.flatnonzero(is_char == chars)
            count, column = times[kind], columns[kind]
            frequency = frequencies[kind] if sublinear else count.astype(np.float64)
            gain, square = sums[2:] if chars else sums[:2]
            # add.at, and no sum by text first: it adds one after the other.
            np.add.at(gain, texts[kind], (frequency - count) * self._gains[column])
            np.add.at(square, texts[kind], (frequency * frequency - count) * self._squares[column])

    def _frequency(self, times: Ints) -> Floats:
        """1 + ln of each number of times, from 1 on."""
        most = int(times.max())
        known = self._frequencies
        if most >= len(known):
            # By Python's own logarithm: NumPy's differs in the last bit.
            known = self._frequencies = np.array([0.0, *(1.0 + math.log(count) for count in range(1, 2 * most))])
        return known[times]


def _totals(text_of: Ints, values: Floats, number: int) -> Floats:
    """The sum of the values of each text, one after the other; 0 where there is none."""
    return np.bincount(text_of, values, number).astype(np.float64, copy=False)
