"""Sums over the last few buckets, for several lengths at once."""

from collections.abc import Iterator, Sequence
from operator import mul
from typing import Final, NamedTuple

LENGTHS: Final = (3, 5, 8, 14, 22, 38, 66)
"""In buckets: a quarter of an hour to five and a half hours."""
LONGEST: Final = LENGTHS[-1]
_MOST: Final = 512  # rows, before the oldest are let go


class Row(NamedTuple):
    """One bucket: what came, negative and other, and what usually does."""

    negatives: float
    others: float
    usual_negatives: float
    usual_others: float


_NOTHING: Final = Row(0.0, 0.0, 0.0, 0.0)


class Windows:
    """The sums of the last 3, 5, … 66 rows: differences of running sums. Plain floats, for NumPy costs more here."""

    def __init__(self) -> None:
        self.replace([])

    def push(self, row: Row) -> None:
        """Move every window on by one bucket."""
        negatives, others, usual_negatives, usual_others = row
        before = self._sums[-1]
        self._sums.append(
            (before[0] + negatives, before[1] + others, before[2] + usual_negatives, before[3] + usual_others)
        )
        self._negatives.append(negatives)
        self._usual.append(usual_negatives)
        self._rows.append(row)
        if len(self._rows) >= _MOST:
            self.replace(self._rows)

    def replace(self, rows: Sequence[Row]) -> None:
        """Start again from the last `LONGEST` rows, oldest first: something in them changed."""
        self._rows: list[Row] = [*[_NOTHING] * LONGEST, *rows][-LONGEST:]
        self._negatives = [row.negatives for row in self._rows]
        self._usual = [row.usual_negatives for row in self._rows]
        self._sums: list[tuple[float, float, float, float]] = [(0.0, 0.0, 0.0, 0.0)]
        for negatives, others, usual_negatives, usual_others in self._rows:
            one, two, three, four = self._sums[-1]
            self._sums.append((one + negatives, two + others, three + usual_negatives, four + usual_others))

    def weighed(self, weights: Sequence[float], shape: Sequence[float]) -> tuple[float, float]:
        """Sums of the last rows' negatives times `weights`, and of their usual ones times `shape`; oldest first."""
        length = len(weights)
        fit, added = map(mul, self._negatives[-length:], weights), map(mul, self._usual[-length:], shape)
        return sum(fit), sum(added)

    def others_weighed(self, weights: Sequence[float], shape: Sequence[float]) -> tuple[float, float]:
        """The same of the other posts."""
        rows = self._rows[-len(weights) :]
        fit = sum(row.others * weight for row, weight in zip(rows, weights, strict=True))
        return fit, sum(row.usual_others * part for row, part in zip(rows, shape, strict=True))

    def posts(self, length: int) -> list[float]:
        """Posts of both kinds, by row, of the last `length`; oldest first."""
        return [row.negatives + row.others for row in self._rows[-length:]]

    def __iter__(self) -> Iterator[tuple[int, tuple[float, float, float, float]]]:
        sums = self._sums
        negatives, others, usual_negatives, usual_others = sums[-1]
        for length in LENGTHS:
            one, two, three, four = sums[-1 - length]
            yield length, (negatives - one, others - two, usual_negatives - three, usual_others - four)
