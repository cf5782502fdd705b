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
from vigie_api.watch.detector import Reading
from vigie_api.watch.rules import _Counting

_PRIOR_DAYS = 3.0
_LEAST_HOURS = 24
_LENGTHS = (PER_HOUR, 3 * PER_HOUR)


@dataclass(slots=True)
class TailTest(_Counting):
    """An alarm when so many negative posts have a probability below `p`."""

    p: float = 1e-4
    _by_hour: NDArray[np.float64] = field(default_factory=lambda: np.zeros(24))
    _days: NDArray[np.float64] = field(default_factory=lambda: np.zeros(24))
    _squares: float = 0.0
    _excess: float = 0.0

    def read(self, bucket: int) -> Reading:
        """The reading at the end of a bucket."""
        end = bucket + 1
        hours, least = float(self._days.sum()), (1.0, 0.0, PER_HOUR)
        if hours >= _LEAST_HOURS and self.known_since(end - _LENGTHS[-1]):
            alpha = max((self._excess + 2.0) / (self._squares + 10.0), 0.01)
            for length in _LENGTHS:
                seen, expected = self.negatives(end - length, end), self._expected(end - length, length)
                size = 1.0 / alpha
                tail = float(betainc(seen, size, expected / (size + expected))) if seen else 1.0
                least = min(least, (tail, expected, length))
        if end % PER_HOUR == 0 and not self.outside:
            self._learn(end)
        tail, expected, length = least
        seen = self.negatives(end - length, end)
        return self.reading(bucket, seen, expected, tail < self.p and seen >= 3, length)

    def _mean(self, hour: int) -> float:
        overall = float(self._by_hour.sum()) / max(float(self._days.sum()), 1.0)
        return float((self._by_hour[hour] + _PRIOR_DAYS * overall) / (self._days[hour] + _PRIOR_DAYS))

    def _expected(self, start: int, length: int) -> float:
        means = [self._mean(hour) for hour in range(24)]
        return max(sum(means[number // PER_HOUR % 24] for number in range(start, start + length)) / PER_HOUR, 0.05)

    def _learn(self, end: int) -> None:
        seen, hour = self.negatives(end - PER_HOUR, end), (end - 1) // PER_HOUR % 24
        if self._days.sum() >= _LEAST_HOURS:
            expected = self._mean(hour)
            self._excess += min((seen - expected) ** 2, 16.0 * expected + 4.0) - expected
            self._squares += expected**2
        self._by_hour[hour] += seen
        self._days[hour] += 1
