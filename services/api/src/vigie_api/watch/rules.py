"""Rules of other tools, as their makers describe them, to be compared with ours on the same posts.

Each looks at the negative posts of a topic at the end of every bucket, as `TopicDetector` does, and knows nothing else.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from vigie_api.watch.counts import PER_HOUR, Counts
from vigie_api.watch.reading import Reading

_DAY: Final = 24 * PER_HOUR
_WEEK: Final = 7 * _DAY


class Rule(Protocol):
    """What replay and the experiment ask of a rule."""

    outside: bool

    @property
    def next_bucket(self) -> int | None:
        """The first bucket that was not read yet."""
        ...

    def add(self, bucket: int, *, negative: bool, posts: int = 1) -> bool:
        """Count posts of one kind; whether they count."""
        ...

    def close(self, until: int) -> list[Reading]:
        """A reading for every bucket before `until` that was not read yet."""
        ...


@dataclass(slots=True)
class Counting(ABC):
    """Running sums by bucket, and the walk over the buckets. Sums make any window one subtraction."""

    outside: bool = False
    first: int | None = None
    next_bucket: int = 0
    _waiting: Counts = field(default_factory=Counts)
    _negatives: list[int] = field(default_factory=lambda: [0])
    _total: list[int] = field(default_factory=lambda: [0])
    _start: int = 0

    def add(self, bucket: int, *, negative: bool, posts: int = 1) -> bool:
        """Count posts; one whose bucket was read already is too late for these rules."""
        if self.first is None:
            self.first = self.next_bucket = self._start = bucket
        if bucket < self.next_bucket:
            return False
        self._waiting.add(bucket, negative=negative, posts=posts)
        return True

    def close(self, until: int) -> list[Reading]:
        """Read the buckets that ended."""
        readings = []
        while self.first is not None and self.next_bucket < until:
            came = self._waiting.at(self.next_bucket)
            self._negatives.append(self._negatives[-1] + came.negatives)
            self._total.append(self._total[-1] + came.total)
            readings.append(self.read(self.next_bucket))
            self.next_bucket += 1
            if self.next_bucket % _DAY == 0:
                self._tidy()
        return readings

    def _tidy(self) -> None:
        self._waiting.forget_before(self.next_bucket)
        surplus = len(self._negatives) - _WEEK - _DAY - 1
        if surplus > 0:
            del self._negatives[:surplus], self._total[:surplus]
            self._start += surplus

    def known_since(self, bucket: int) -> bool:
        """Whether posts were counted from that bucket on."""
        return bucket >= self._start

    def between(self, start: int, end: int) -> tuple[int, int]:
        """Negative posts and all posts from bucket `start` to before `end`, as far as they are known."""
        low, high = max(start - self._start, 0), max(end - self._start, 0)
        return self._negatives[high] - self._negatives[low], self._total[high] - self._total[low]

    def negatives(self, start: int, end: int) -> int:
        """Negative posts from bucket `start` to before `end`."""
        return self.between(start, end)[0]

    def reading(self, bucket: int, count: float, expected: float, surging: bool, length: int = PER_HOUR) -> Reading:
        """A reading over the last `length` buckets."""
        negatives, total = self.between(bucket, bucket + 1)
        start = bucket - length + 1
        return Reading(bucket, 0.0, start, round(count), expected, surging, negatives, total, expected / length)

    @abstractmethod
    def read(self, bucket: int) -> Reading:
        """The reading at the end of a bucket."""


@dataclass(slots=True)
class Meltwater(Counting):
    """Meltwater's spike: the last hour against the 12 hours before, checked again against the day and the week before.

    A spike when the last hour brings `ratio` times the mean of the 12 hours before it, and more than `ratio` / 2 times
    the same hour of the day before and of the week before where they are known.
    """

    ratio: float = 2.0
    least: int = 3

    def read(self, bucket: int) -> Reading:
        """The reading at the end of a bucket."""
        end = bucket + 1
        hour = self.negatives(end - PER_HOUR, end)
        usual = self.negatives(end - 13 * PER_HOUR, end - PER_HOUR) / 12
        surging = self.known_since(end - 13 * PER_HOUR) and hour >= self.least and hour > self.ratio * usual
        for back in (_DAY, _WEEK):
            if surging and self.known_since(end - PER_HOUR - back):
                then = self.negatives(end - PER_HOUR - back, end - back)
                surging = hour > self.ratio / 2 * then
        return self.reading(bucket, hour, usual, surging)


@dataclass(slots=True)
class Sigma(Counting):
    """The mean of 24 hours above that of seven days by `k` standard deviations of the week's hours."""

    k: float = 1.0

    def read(self, bucket: int) -> Reading:
        """The reading at the end of a bucket."""
        end = bucket + 1
        start = max(end - _WEEK, self._start)
        hours = (end - start) // PER_HOUR
        if hours < 48:
            return self.reading(bucket, 0, 0.0, False)
        edges = np.array(self._negatives[end - hours * PER_HOUR - self._start : end - self._start + 1 : PER_HOUR])
        counts = np.diff(edges)
        day, week = float(counts[-24:].mean()), float(counts.mean())
        surging = day > week + self.k * float(counts.std()) and day > 0
        return self.reading(bucket, 24 * day, 24 * week, surging, _DAY)


@dataclass(slots=True)
class Fixed(Counting):
    """At least `least` negative posts in the last hour."""

    least: int = 10

    def read(self, bucket: int) -> Reading:
        """The reading at the end of a bucket."""
        hour = self.negatives(bucket + 1 - PER_HOUR, bucket + 1)
        return self.reading(bucket, hour, self.least, hour >= self.least)


@dataclass(slots=True)
class ShareDip(Counting):
    """The share of posts that are not negative, over three hours, under the week's by `dip`, with 10 posts at least."""

    dip: float = 0.2

    def read(self, bucket: int) -> Reading:
        """The reading at the end of a bucket."""
        end = bucket + 1
        negatives, total = self.between(end - 3 * PER_HOUR, end)
        week_negatives, week_total = self.between(end - _WEEK, end)
        if total < 10 or week_total < 50:
            return self.reading(bucket, negatives, 0.0, False, 3 * PER_HOUR)
        usual = week_negatives / week_total
        surging = negatives / total > usual + self.dip
        return self.reading(bucket, negatives, usual * total, surging, 3 * PER_HOUR)
