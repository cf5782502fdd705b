"""What `BatchScorer` remembers of pieces of text: one row of numbers each, in one array.

An array, because a tweet's pieces are all over the memory: a Python object for every number is a wait for the
processor, and it was those waits that most of a score's time went into. A row of 64 bytes is one wait.
"""

from __future__ import annotations

import struct
import threading
from array import array
from collections.abc import Sequence
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
_COUNT_MASK = (1 << _COUNT_BITS) - 1
_ROW = struct.Struct("5d3q")


class PieceTable:
    """Rows of pieces, only ever appended, so that a row that was found stays true while others learn.

    `rows` maps a piece to its row of `data`, int64, of which the first five numbers are float64 seen as such (see
    SUMS and LANGUAGE), the others what `parts` gives. The columns of a piece are `columns[start : start + count]`.
    Of a piece as it stands in a text, `after` says how many words a negation reaches after it, by how many before;
    `begins` whether one is in it.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.data: Ints = np.zeros((_FIRST_ROWS, _WIDTH), dtype=np.int64)
        self.columns: NDArray[np.intc] = np.zeros(_FIRST_COLUMNS, dtype=np.intc)
        self.begins: NDArray[np.bool_] = np.zeros(_FIRST_ROWS, dtype=np.bool_)
        self.after: list[tuple[int, ...]] = []
        self.used_columns = 0
        self._lock = threading.Lock()

    @staticmethod
    def parts(data: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Head, tail, start and count of each of these rows."""
        span = data[:, _SPAN]
        return data[:, _HEAD], data[:, _TAIL], span >> _COUNT_BITS, span & _COUNT_MASK

    def append(self, text: str, piece: Piece, after: tuple[int, ...] = (0,)) -> int:
        """Remember a piece, if nobody has meanwhile, and give its row."""
        sums = (piece.word_gain, piece.word_square, piece.char_gain, piece.char_square)
        numbers = (*sums, piece.language, piece.head, piece.tail)
        return self._keep(text, numbers, array("i", piece.columns), after)

    def adopt(self, text: str, other: PieceTable) -> int | None:
        """The same for what another table knows of the piece; None when that is nothing."""
        row = other.rows.get(text)
        if row is None:
            return None
        *numbers, span = _ROW.unpack_from(other.data.data, row * _ROW.size)
        start, count = span >> _COUNT_BITS, span & _COUNT_MASK
        return self._keep(text, numbers, array("i", other.columns[start : start + count].tolist()), other.after[row])

    def _keep(self, text: str, numbers: Sequence[float], columns: array[int], after: tuple[int, ...]) -> int:
        with self._lock:
            known = self.rows.get(text)
            if known is not None:
                return known
            row, start = len(self.after), self.used_columns
            stop = start + len(columns)
            if row == len(self.data):
                self.data = _doubled(self.data, row + 1)
                self.begins = _doubled(self.begins, row + 1)
            if stop > len(self.columns):
                self.columns = _doubled(self.columns, stop)
            # By struct and memoryview: NumPy takes ten times as long for so few numbers.
            _ROW.pack_into(self.data.data, row * _ROW.size, *numbers, start << _COUNT_BITS | len(columns))
            self.columns.data[start:stop] = columns
            self.used_columns = stop
            self.begins[row] = after[0] > 0
            self.after.append(after)
            self.rows[text] = row  # last: who finds it finds all of it
            return row


def _doubled(array: NDArray[Any], at_least: int) -> NDArray[Any]:
    """A larger array that begins as `array` does."""
    larger = np.zeros((max(2 * len(array), at_least), *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
