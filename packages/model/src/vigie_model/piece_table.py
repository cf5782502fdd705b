"""What `BatchScorer` remembers of pieces of text: one row of numbers each, side by side in arrays.

Arrays, because a tweet's pieces are all over the memory: a Python object for every number is a wait for the processor,
and it was those waits that most of a score's time went into.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vigie_model.linear_terms import Piece

_FIRST_ROWS = 1_024
_FIRST_COLUMNS = 16_384


class PieceTable:
    """Rows of pieces, only ever appended, so that a row that was found stays true while others learn.

    `rows` maps a piece to its row. By row: `heads`, `tails`, `sums` (gain and square of words, then of characters),
    `languages`, and the columns, which are `columns[start : start + count]`.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.heads = np.zeros(_FIRST_ROWS, dtype=np.int64)
        self.tails = np.zeros(_FIRST_ROWS, dtype=np.int64)
        self.sums = np.zeros((_FIRST_ROWS, 4))
        self.languages = np.zeros(_FIRST_ROWS)
        self.starts = np.zeros(_FIRST_ROWS, dtype=np.int64)
        self.counts = np.zeros(_FIRST_ROWS, dtype=np.int64)
        self.columns = np.zeros(_FIRST_COLUMNS, dtype=np.int32)
        self.used_columns = 0
        self._lock = threading.Lock()

    def append(self, text: str, piece: Piece) -> int:
        """Remember a piece, if nobody has meanwhile, and give its row."""
        with self._lock:
            known = self.rows.get(text)
            if known is not None:
                return known
            row, start = len(self.rows), self.used_columns
            stop = start + len(piece.columns)
            if row == len(self.heads):
                for name in ("heads", "tails", "sums", "languages", "starts", "counts"):
                    setattr(self, name, _doubled(getattr(self, name), row + 1))
            if stop > len(self.columns):
                self.columns = _doubled(self.columns, stop)
            self.heads[row], self.tails[row] = piece.head, piece.tail
            self.sums[row] = piece.word_gain, piece.word_square, piece.char_gain, piece.char_square
            self.languages[row] = piece.language
            self.starts[row], self.counts[row] = start, len(piece.columns)
            self.columns[start:stop] = piece.columns
            self.used_columns = stop
            self.rows[text] = row  # last: who finds it finds all of it
            return row


def _doubled(array: NDArray[Any], at_least: int) -> NDArray[Any]:
    """A larger array that begins as `array` does."""
    larger = np.zeros((max(2 * len(array), at_least), *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
