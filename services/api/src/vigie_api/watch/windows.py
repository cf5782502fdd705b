"""Sums over the last few buckets, for several lengths at once, each moved on by one addition and one subtraction."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

LENGTHS: Final = (3, 5, 8, 14, 22, 38, 66)
"""In buckets: a quarter of an hour to five and a half hours."""
LONGEST: Final = LENGTHS[-1]


class Row(NamedTuple):
    """One bucket: what came, negative and other, and what usually does."""

    negatives: float
    others: float
    usual_negatives: float
    usual_others: float


_NOTHING: Final = Row(0.0, 0.0, 0.0, 0.0)


class Windows:
    """The sums of the last 3, 5, … 66 rows. Plain floats: for rows this short NumPy costs ten times as much."""

    def __init__(self) -> None:
        self.replace([])

    def push(self, row: Row) -> None:
        """Move every window on by one bucket."""
        rows, (negatives, others, usual_negatives, usual_others) = self._rows, row
        for length, sums in zip(LENGTHS, self._sums, strict=True):
            old = rows[-length]
            sums[0] += negatives - old[0]
            sums[1] += others - old[1]
            sums[2] += usual_negatives - old[2]
            sums[3] += usual_others - old[3]
        rows.append(row)

    def replace(self, rows: Iterable[Row]) -> None:
        """Start again from the last `LONGEST` rows, oldest first: something in them changed."""
        self._rows: deque[Row] = deque([_NOTHING] * LONGEST, LONGEST)
        self._rows.extend(rows)
        back = np.cumsum(np.array(self._rows)[::-1], axis=0)
        self._sums: list[list[float]] = back[[length - 1 for length in LENGTHS]].tolist()

    def weighed(self, weights: Sequence[float], shape: Sequence[float]) -> tuple[float, float]:
        """Sums of the last rows' negatives times `weights`, and of their usual ones times `shape`; oldest first."""
        recent = islice(self._rows, LONGEST - len(weights), None)
        fit = added = 0.0
        for row, weight, part in zip(recent, weights, shape, strict=True):
            fit += row.negatives * weight
            added += row.usual_negatives * part
        return fit, added

    def __iter__(self) -> Iterator[tuple[int, list[float]]]:
        return zip(LENGTHS, self._sums, strict=True)
