"""Sums over the last few buckets, for several lengths at once, each moved on by one addition and one subtraction."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LENGTHS: Final = (2, 3, 4, 6, 9, 13, 20, 30, 45, 66)
"""In buckets: 10 minutes to five and a half hours."""
LONGEST: Final = LENGTHS[-1]


class Row(NamedTuple):
    """One bucket: what came, negative and other, and what usually does."""

    negatives: float
    others: float
    usual_negatives: float
    usual_others: float


_NOTHING: Final = Row(0.0, 0.0, 0.0, 0.0)


class Windows:
    """The sums of the last 2, 3, … 66 rows; `sums[i]` is a row for `LENGTHS[i]`."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque([_NOTHING] * LONGEST, LONGEST)
        self.sums: NDArray[np.float64] = np.zeros((len(LENGTHS), len(_NOTHING)))

    def push(self, row: Row) -> None:
        """Move every window on by one bucket."""
        self.sums += row
        self.sums -= [self._rows[-length] for length in LENGTHS]
        self._rows.append(row)

    def replace(self, rows: Iterable[Row]) -> None:
        """Start again from the last `LONGEST` rows, oldest first: something in them changed."""
        self._rows = deque([_NOTHING] * LONGEST, LONGEST)
        self._rows.extend(rows)
        back = np.cumsum(np.array(self._rows)[::-1], axis=0)
        self.sums = back[[length - 1 for length in LENGTHS]]

    def __iter__(self) -> Iterator[tuple[int, list[float]]]:
        return zip(LENGTHS, self.sums.tolist(), strict=True)
