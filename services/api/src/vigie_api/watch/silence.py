"""Holes: silences that chance does not explain, in which posts were lost and not merely few."""

from dataclasses import dataclass
from typing import Final

from vigie_api.watch.counts import PER_HOUR

_HOLE: Final = 9.0  # expected posts in a silence: by chance exp(-9)
_LONGEST: Final = 26 * PER_HOUR


@dataclass(slots=True)
class Silence:
    """How long nothing came, and what should have come meanwhile."""

    expected: float = 0.0
    since: int | None = None

    def follow(self, bucket: int, came: int, expected: float, alpha: float) -> range:
        """The buckets that a further bucket shows to be a hole; mostly none.

        Args:
            bucket: the next one.
            came: posts in it.
            expected: posts that are usual in it.
            alpha: over-dispersion of its usual rate.
        """
        if came:
            self.expected, self.since = 0.0, None
            return range(0)
        if self.since is None:
            self.since = bucket
        self.expected += expected / (1.0 + alpha * expected)
        if self.expected <= _HOLE:
            return range(0)
        hole = range(max(self.since, bucket - _LONGEST), bucket + 1)
        self.since = bucket + 1
        return hole
