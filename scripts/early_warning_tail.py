"""The plain test that anyone would write first: too many negative posts for this hour of the day, by the tail of a
negative binomial distribution.

The mean of each hour of the day is drawn towards the mean of all hours with the weight of three days; the
over-dispersion is that of the hours seen, by moments. The last hour and the last three are tested.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from early_warning_world import PER_HOUR
from vigie_api.watch.reading import Reading
from vigie_api.watch.rules import Counting

_PRIOR_DAYS = 3.0
_LEAST_HOURS = 24
_LENGTHS = (PER_HOUR, 3 * PER_HOUR)


@dataclass(slots=True)
class TailTest(Counting):
    """An alarm when so many negative posts have a probability below `p`."""

    p: float = 1e-4
    _by_hour: NDArray[np.float64] = field(default_factory=lambda: np.zeros(24))
    _days: NDArray[np.float64] = field(default_factory=lambda: np.zeros(24))
    _means: list[float] = field(default_factory=list)
    _size: float = 5.0
    _squares: float = 0.0
    _excess: float = 0.0

    def read(self, bucket: int) -> Reading:
        """The reading at the end of a bucket."""
        end = bucket + 1
        least = (1.0, 0.05, PER_HOUR)
        if self._means and self.known_since(end - _LENGTHS[-1]):
            for length in _LENGTHS:
                seen, expected = self.negatives(end - length, end), self._expected(end, length)
                if seen >= 3 and seen > expected:
                    tail = float(betainc(seen, self._size, expected / (self._size + expected)))
                    least = min(least, (tail, expected, length))
        if end % PER_HOUR == 0 and not self.outside:
            self._learn(end)
        tail, expected, length = least
        seen = self.negatives(end - length, end)
        return self.reading(bucket, seen, expected, tail < self.p, length)

    def _expected(self, end: int, length: int) -> float:
        hour, part = end // PER_HOUR, end % PER_HOUR / PER_HOUR
        whole = sum(self._means[(hour - 1 - back) % 24] for back in range(length // PER_HOUR))
        return max(whole + part * (self._means[hour % 24] - self._means[(hour - length // PER_HOUR) % 24]), 0.05)

    def _learn(self, end: int) -> None:
        seen, hour = self.negatives(end - PER_HOUR, end), (end - 1) // PER_HOUR % 24
        if self._means:
            expected = self._means[hour]
            self._excess += min((seen - expected) ** 2, 16.0 * expected + 4.0) - expected
            self._squares += expected**2
            self._size = 1.0 / max((self._excess + 2.0) / (self._squares + 10.0), 0.01)
        self._by_hour[hour] += seen
        self._days[hour] += 1
        known = float(self._days.sum())
        if known >= _LEAST_HOURS:
            overall = float(self._by_hour.sum()) / known
            self._means = ((self._by_hour + _PRIOR_DAYS * overall) / (self._days + _PRIOR_DAYS)).tolist()
