"""The fused linear scorer for many texts at a time: the sums of `LinearScorer.margin`, by arrays and not by a loop.

Every sum is taken in the order of that one, number by number, so that it is the same to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from vigie_model.bigram_table import BigramTable
from vigie_model.linear_terms import NO_WORD, LinearTerms
from vigie_model.negation import marked
from vigie_model.piece_table import LANGUAGE, SUMS, PieceTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_CACHE_SIZE = 32_768  # pieces, half of them in the older table
_CACHED_COLUMNS = 1_048_576  # of all pieces together: an attacker's are long
_AT_ONCE = 16_000  # characters; what their columns take fits into the processor's second cache
_INT32 = 2**31


class BatchScorer:
    """Scores batches of texts. Thread-safe; remembers 32,768 pieces of text at most between two batches, or as
    many as `remember` says."""

    def __init__(self, terms: LinearTerms, intercept: float) -> None:
        self._terms = terms
        self._intercept = intercept
        self._gains: Floats = np.array(terms.gains)
        self._squares: Floats = np.array(terms.squares)
        self._width = max(1, len(terms.gains))
        self._bigram_table = BigramTable(terms.bigrams)
        self._frequencies: Floats = np.array([0.0, 1.0])
        self._table, self._older = PieceTable(), PieceTable()
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
        number = len(texts)
        table, rows, text_of = self._rows(texts)
        # A row is what the processor's cache takes at a time, so all of it is fetched at once.
        data = table.data[rows]
        numbers = data.view(np.float64)
        sums = [_totals(text_of, numbers[:, which], number) for which in SUMS]
        evidence = _totals(text_of, numbers[:, LANGUAGE], number)
        heads, tails, starts, counts = PieceTable.parts(data)

        at, bigrams = self._bigrams(heads, tails, text_of)
        sums[0] += _totals(at, self._gains[bigrams], number)
        sums[1] += _totals(at, self._squares[bigrams], number)

        # Of each occurrence of a term its cell: which text, and which column.
        places = np.repeat(starts - (counts.cumsum() - counts), counts)
        places += np.arange(len(places))
        kind = np.int32 if number * self._width < _INT32 else np.int64
        cells = np.repeat((text_of * self._width).astype(kind), counts)
        cells += table.columns[places]
        cells = np.concatenate((cells, (at * self._width + bigrams).astype(kind)))
        cells.sort()
        self._put_right(sums, cells)

        margins = np.full(number, self._intercept)
        for gain, square in ((sums[0], sums[1]), (sums[2], sums[3])):
            norm = np.sqrt(np.maximum(square, 0.0))
            margins += np.divide(gain, norm, where=norm > 0.0, out=np.zeros(number))
        return list(zip(margins.tolist(), evidence.tolist(), strict=True))

    def _rows(self, texts: Sequence[str]) -> tuple[PieceTable, Ints, Ints]:
        """The table, and of each piece of the texts, in order: its row, and the number of its text."""
        table, older = self._table, self._older
        if len(table.rows) >= self._most_pieces // 2 or table.used_columns > self._most_columns // 2:
            # What comes again moves over from the older one; what does not is forgotten with it.
            older = self._older = table
            table = self._table = PieceTable()
        pieces: list[str] = []
        lengths: list[int] = []
        for text in texts:
            own = self._terms.split(text)
            pieces += own
            lengths.append(len(own))
        rows = np.fromiter(map(table.rows.get, pieces, repeat(-1)), dtype=np.int64, count=len(pieces))
        for place in np.flatnonzero(rows < 0).tolist():
            rows[place] = self._learnt(table, older, pieces[place])
        text_of = np.repeat(np.arange(len(texts)), lengths)
        negations = np.flatnonzero(table.begins[rows]).tolist()
        if negations:
            ends = np.cumsum(lengths)[text_of[negations]].tolist()
            self._reach(table, older, pieces, rows, negations, ends)
        return table, rows, text_of

    def _learnt(self, table: PieceTable, older: PieceTable, piece: str) -> int:
        """The row of a piece as it stands in a text."""
        row = table.rows.get(piece)  # it may have come earlier in these texts
        if row is None:
            alike = self._terms.piece_alike(piece)
            row = table.rows.get(alike)
            if row is None:
                row = table.adopt(alike, older)
            if row is None:
                known = self._terms.known.get(alike) or self._terms.learn(alike)
                row = table.append(alike, known, self._terms.after(alike))
            table.rows[piece] = row
        return row

    def _reach(
        self,
        table: PieceTable,
        older: PieceTable,
        pieces: list[str],
        rows: Ints,
        negations: list[int],
        ends: list[int],
    ) -> None:
        """Give the pieces that a negation reaches the rows of what it makes of them.

        `negations` and `ends`: the places of pieces with one, and where the text of each ends.
        """
        done = 0
        for begin, end in zip(negations, ends, strict=True):
            if begin < done:
                continue
            done, left = begin + 1, table.after[rows[begin]][0]
            while left and done < end:
                piece = marked(pieces[done], left)
                left = table.after[rows[done]][left]
                row = table.rows.get(piece)
                if row is None:
                    row = table.adopt(piece, older)
                rows[done] = table.append(piece, self._terms.learn(piece)) if row is None else row
                done += 1

    def _bigrams(self, heads: Ints, tails: Ints, text_of: Ints) -> tuple[Ints, Ints]:
        """The known bigrams of neighbouring pieces, in order: the text of each, and its column."""
        if (tails == NO_WORD).any():  # as if they were not there: who stood beside them are neighbours
            spoken = np.flatnonzero(tails != NO_WORD)
            heads, tails, text_of = heads[spoken], tails[spoken], text_of[spoken]
        known, columns = self._bigram_table.find(heads[:-1] + tails[1:])
        at = np.flatnonzero(known & (text_of[1:] == text_of[:-1]))
        return text_of[at], columns[at]

    def _put_right(self, sums: list[Floats], cells: NDArray[np.signedinteger]) -> None:
        """Put right what the terms add that come more than once in a text. `cells` are sorted."""
        again = np.flatnonzero(cells[1:] == cells[:-1])
        if not len(again):
            return
        number = len(sums[0])
        begins = np.flatnonzero(np.concatenate(([True], again[1:] != again[:-1] + 1)))
        times = np.concatenate((begins[1:], [len(again)])) - begins + 1
        texts, columns = np.divmod(cells[again[begins]].astype(np.int64), self._width)
        terms = self._terms
        is_char = (columns >= terms.char_range.start) & (columns < terms.char_range.stop)
        frequency = self._frequency(times)
        if not terms.word_sublinear or not terms.char_sublinear:
            sublinear = np.where(is_char, terms.char_sublinear, terms.word_sublinear)
            frequency = np.where(sublinear, frequency, times)
        halves = 2 * texts + is_char  # of a text: words, then characters
        gains = _totals(halves, (frequency - times) * self._gains[columns], 2 * number)
        squares = _totals(halves, (frequency * frequency - times) * self._squares[columns], 2 * number)
        for total, change in zip(sums, (gains[::2], squares[::2], gains[1::2], squares[1::2]), strict=True):
            total += change

        ends = cells.searchsorted(np.arange(number + 1) * self._width)
        occurrences = ends[1:] - ends[:-1]
        distinct = occurrences - np.bincount(texts, times - 1, number)
        # So many repetitions that taking them back would cost digits.
        for text in np.flatnonzero(occurrences > 4 * distinct + 64).tolist():
            own = (cells[ends[text] : ends[text + 1]] - text * self._width).tolist()
            for total, value in zip(sums, terms.count(own), strict=True):
                total[text] = value

    def _frequency(self, times: Ints) -> Floats:
        """1 + ln of each number of times, from 1 on."""
        most = int(times.max())
        known = self._frequencies
        if most >= len(known):
            # By Python's own logarithm: NumPy's differs in the last bit.
            known = self._frequencies = np.array([0.0, *(1.0 + math.log(count) for count in range(1, 2 * most))])
        return known[times]


def _totals(of: Ints, values: Floats, number: int) -> Floats:
    """The sum of the values that belong to 0, 1, … number - 1, one after the other; 0 where there is none."""
    return np.bincount(of, values, number).astype(np.float64, copy=False)
