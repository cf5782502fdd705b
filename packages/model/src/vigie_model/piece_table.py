"""What `BatchScorer` remembers of pieces of text: one row of numbers each, in one array.

An array, because a tweet's pieces are all over the memory: a Python object for every number is a wait for the
processor, and it was those waits that most of a score's time went into. A row of 64 bytes is one wait.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vigie_model.linear_terms import Piece

    Ints = NDArray[np.int64]

_FIRST_ROWS = 1_024
_FIRST_COLUMNS = 16_384

SUMS = range(4)
LANGUAGE = 4
"""Where the numbers of a row are that are float64: gain and square of words, then of characters; the language."""
_HEAD, _TAIL, _SPAN = 5, 6, 7
_WIDTH = 8
_COUNT_BITS = 32


class PieceTable:
    """Rows of pieces, only ever appended, so that a row that was found stays true while others learn.

    `rows` maps a piece to its row of `data`, int64, of which the first five numbers are float64 seen as such (see
    SUMS and LANGUAGE), the others what `parts` gives. The columns of a piece are `columns[start : start + count]`.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.data: Ints = np.zeros((_FIRST_ROWS, _WIDTH), dtype=np.int64)
        self.columns: NDArray[np.int32] = np.zeros(_FIRST_COLUMNS, dtype=np.int32)
        self.used_columns = 0
        self._lock = threading.Lock()

    @staticmethod
    def parts(data: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Head, tail, start and count of each of these rows."""
        span = data[:, _SPAN]
        return data[:, _HEAD], data[:, _TAIL], span >> _COUNT_BITS, span & ((1 << _COUNT_BITS) - 1)

    def append(self, text: str, piece: Piece) -> int:
        """Remember a piece, if nobody has meanwhile, and give its row."""
        with self._lock:
            known = self.rows.get(text)
            if known is not None:
                return known
            row, start = len(self.rows), self.used_columns
            stop = start + len(piece.columns)
            if row == len(self.data):
                self.data = _doubled(self.data, row + 1)
            if stop > len(self.columns):
                self.columns = _doubled(self.columns, stop)
            sums = (piece.word_gain, piece.word_square, piece.char_gain, piece.char_square)
            self.data[row, :_HEAD].view(np.float64)[:] = (*sums, piece.language)
            self.data[row, _HEAD:] = piece.head, piece.tail, start << _COUNT_BITS | len(piece.columns)
            self.columns[start:stop] = piece.columns
            self.used_columns = stop
            self.rows[text] = row  # last: who finds it finds all of it
            return row


def _doubled(array: NDArray[Any], at_least: int) -> NDArray[Any]:
    """A larger array that begins as `array` does."""
    larger = np.zeros((max(2 * len(array), at_least), *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
