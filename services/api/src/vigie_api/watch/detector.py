"""Finds surges of negative posts in one topic, bucket by bucket.

Counts the posts, learns what is normal (the hour and the weekday, in `Baseline`; the level of the last day), leaves
holes and episodes out of it, and at the end of each bucket has the last hours weighed against it (`weighing`).

Pure: counts and times come in, `Reading`s go out; no clock, no database.
"""

from collections import deque
from dataclasses import astuple, dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple

from vigie_api.watch.baseline import Baseline, Hour, hour_of_week
from vigie_api.watch.counts import PER_HOUR, Bucket, Counts
from vigie_api.watch.reading import Reading, Sensitivity
from vigie_api.watch.silence import Silence
from vigie_api.watch.weighing import NOTHING, weigh
from vigie_api.watch.windows import LONGEST, Row, Windows

KEPT: Final = 26 * PER_HOUR
"""Buckets that may still change: a post that is later than this is counted by nobody."""
_LEARN_AFTER: Final = 24 * PER_HOUR
_GUARD: Final = 2 * PER_HOUR
_DAY: Final = 24 * PER_HOUR
_FACTOR_PRIOR: Final = 12.0
_WARM_UP: Final = 24 * PER_HOUR
_STANDS: Final = 2
"""Readings in a row with enough evidence, where it may be a crowd: of a long one many are asked."""
_LONG_SILENCE: Final = 7 * _DAY


class _Past(NamedTuple):
    """A whole hour that is over: what it brought, and its posts and what was usual beside holes and episodes."""

    hour: Hour | None
    came: float
    usual: float


class _Closed(NamedTuple):
    bucket: int
    negative: float
    other: float


@dataclass(slots=True)
class TopicDetector:
    """One topic. `add` posts in any order; `close` the buckets that ended, oldest first.

    `outside`: set it while an episode is open, so that nothing of it becomes normal.
    """

    sensitivity: Sensitivity = field(default_factory=Sensitivity)
    baseline: Baseline = field(default_factory=Baseline)
    counts: Counts = field(default_factory=Counts)
    next_bucket: int | None = None
    learned_until: int | None = None
    factor: float = 1.0
    outside: bool = False
    _expected: deque[_Closed] = field(default_factory=lambda: deque(maxlen=KEPT))
    _holes: set[int] = field(default_factory=set)
    _episodes: set[int] = field(default_factory=set)
    _windows: Windows = field(default_factory=Windows)
    _changed: bool = False
    """A closed bucket changed, so that the windows have to be summed again."""
    _past: dict[int, _Past] = field(default_factory=dict)
    """The hours that are over, by their first bucket, as long as nothing in them changes."""
    _watched: int = 0
    _standing: int = 0
    """Readings in a row with enough evidence."""
    _silence: Silence = field(default_factory=Silence)

    def add(self, bucket: int, *, negative: bool, posts: int = 1) -> bool:
        """Count posts of one kind; whether they still count (they may be too late)."""
        if self.next_bucket is None:
            self.next_bucket = bucket - bucket % PER_HOUR
            self.learned_until = self.next_bucket
        if bucket < self.next_bucket - _LEARN_AFTER:
            return False
        self.counts.add(bucket, negative=negative, posts=posts)
        if bucket < self.next_bucket:
            self._changed = True
            hour = bucket - bucket % PER_HOUR
            self._past.pop(hour, None)
            self._holes.difference_update(range(hour, hour + PER_HOUR))  # it was late, not lost
        return True

    def close(self, until: int) -> list[Reading]:
        """Read every bucket before `until` that was not read yet, a `Reading` each."""
        readings: list[Reading] = []
        while self.next_bucket is not None and self.next_bucket < until:
            if until - self.next_bucket > _LONG_SILENCE and self.next_bucket % PER_HOUR == 0:
                self._leap(self.next_bucket, until)
            readings.append(self._close(self.next_bucket))
            self.next_bucket += 1
        return readings

    def _leap(self, bucket: int, until: int) -> None:
        """Pass over weeks without a post: nothing is learned from them, and nothing recent is left."""
        following = min(self.counts.buckets, default=until - 1)
        if following - bucket > _LONG_SILENCE:
            self.next_bucket = self.learned_until = following - following % PER_HOUR
            self.factor, self._silence = 1.0, Silence()
            self._expected.clear()
            self._holes.clear()
            self._episodes.clear()
            self._past.clear()
            self._windows.replace([])

    def _close(self, bucket: int) -> Reading:
        if bucket % PER_HOUR == 0:
            self._turn_of_hour(bucket)
        closed = _Closed(bucket, *self.baseline.expected(bucket))
        self._expected.append(closed)
        self._watched += 1
        self._watch_silence(bucket, (closed.negative + closed.other) * self.factor)
        if self.outside:
            self._episodes.add(bucket)
        if self._changed:
            recent = islice(self._expected, max(0, len(self._expected) - LONGEST), None)
            self._windows.replace([self._row(one) for one in recent])
            self._changed = False
        else:
            self._windows.push(self._row(closed))
        return self._scan(closed)

    def _watch_silence(self, bucket: int, expected: float) -> None:
        hole = self._silence.follow(bucket, self.counts.at(bucket).total, expected, self.baseline.alpha)
        if hole:
            self._holes.update(hole)
            self._changed = True
            self._past.clear()

    def _scan(self, closed: _Closed) -> Reading:
        found, bucket = NOTHING, closed.bucket
        if self._watched >= _WARM_UP:
            unsure = float(self.baseline.unsure[hour_of_week(bucket)])
            found = weigh(self._windows, self.baseline, self.factor, unsure, self.sensitivity)
        self._standing = self._standing + 1 if found.evidence >= self.sensitivity.threshold else 0
        came, surging = self.counts.at(bucket), self._standing >= (_STANDS if found.crowded else 1)
        start, usual = bucket - found.length + 1, closed.negative * self.factor
        return Reading(
            bucket, found.evidence, start, found.seen, found.expected, surging, came.negatives, came.total, usual
        )

    def _row(self, closed: _Closed) -> Row:
        found = self.counts.at(closed.bucket)
        if not found.total and closed.bucket in self._holes:
            return Row(0.0, 0.0, 0.0, 0.0)
        return Row(found.negatives, found.positives, closed.negative, closed.other)

    def _turn_of_hour(self, bucket: int) -> None:
        """Learn the hour that can change no more, and how much the last day brought beside what is usual."""
        assert self.learned_until is not None  # noqa: S101 - set by the first post
        while self.learned_until + PER_HOUR <= bucket - _LEARN_AFTER:
            self._learn(self.learned_until)
            self.learned_until += PER_HOUR
        past = [self._hour(start) for start in range(self.learned_until, bucket - _GUARD, PER_HOUR)]
        self.baseline.refresh([one.hour for one in past if one.hour is not None])
        came, usual = sum(one.came for one in past), sum(one.usual for one in past)
        worth = 1.0 / (1.0 + self.baseline.alpha * usual / 22)
        self.factor = (came * worth + _FACTOR_PRIOR) / (usual * worth + _FACTOR_PRIOR)
        self.counts.forget_before(bucket - KEPT)
        self._holes = {old for old in self._holes if old >= bucket - KEPT}
        self._episodes = {old for old in self._episodes if old >= bucket - KEPT}

    def _learn(self, start: int) -> None:
        hour = self._hour(start).hour
        self._past.pop(start, None)
        if hour is not None:
            self.baseline.learn(hour, factor=self.factor)

    def _hour(self, start: int) -> _Past:
        found = self._past.get(start)
        if found is None:
            found = self._past[start] = self._look_back(start)
        return found

    def _look_back(self, start: int) -> _Past:
        posts = negatives = known = 0
        usual = 0.0
        buckets, left_out, expected = self.counts.buckets, self._holes | self._episodes, self._expected
        first = expected[0].bucket if expected else start
        for number in range(start, start + PER_HOUR):
            if number in left_out:
                continue
            known += 1
            if number in buckets:
                found = buckets[number]
                posts += found.total
                negatives += found.negatives
            if 0 <= number - first < len(expected):
                usual += expected[number - first].negative + expected[number - first].other
        if not known:
            return _Past(None, 0.0, 0.0)
        return _Past(Hour(hour_of_week(start), posts, negatives, known / PER_HOUR), posts, usual)

    def state(self) -> dict[str, Any]:
        """Everything that a restart needs, as JSON takes it; the sensitivity too."""
        return {
            "sensitivity": list(astuple(self.sensitivity)),
            "baseline": self.baseline.state(),
            "counts": [[number, one.negatives, one.total] for number, one in sorted(self.counts.buckets.items())],
            "next_bucket": self.next_bucket,
            "learned_until": self.learned_until,
            "factor": self.factor,
            "outside": self.outside,
            "expected": [list(closed) for closed in self._expected],
            "holes": sorted(self._holes),
            "episodes": sorted(self._episodes),
            "watched": self._watched,
            "standing": self._standing,
            "silence": [self._silence.expected, self._silence.since],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "TopicDetector":
        """What `state` gave, ready to go on."""
        found = cls(Sensitivity(*state["sensitivity"]), Baseline.from_state(state["baseline"]))
        found.counts.buckets = {number: Bucket(negatives, total) for number, negatives, total in state["counts"]}
        found.next_bucket, found.learned_until = state["next_bucket"], state["learned_until"]
        found.factor, found.outside = state["factor"], state["outside"]
        found._expected.extend(_Closed(*closed) for closed in state["expected"])
        found._holes, found._episodes = set(state["holes"]), set(state["episodes"])
        found._watched, found._standing = state["watched"], state.get("standing", 0)
        found._silence = Silence(*state["silence"])
        found._changed = True  # the windows are summed again from the rest
        return found
