"""Finds surges of negative posts in one topic, bucket by bucket.

At the end of each bucket, windows of a quarter of an hour to more than five hours that end there are asked whether a
surge that grows up to now explains their negative posts better than what is normal does (`rise`), and the answers are
averaged. What is normal knows the hour and the weekday (`Baseline`), the level of the last day, and how many posts that
are *not* negative came in the same window: a crowd that brings both is no bad buzz.

Pure: counts and times come in, `Reading`s go out; no clock, no database.
"""

from collections import deque
from dataclasses import astuple, dataclass, field
from itertools import islice
from math import inf, log
from typing import Any, Final, NamedTuple

from vigie_api.watch.baseline import Baseline, Hour, hour_of_week
from vigie_api.watch.counts import PER_HOUR, Bucket, Counts
from vigie_api.watch.rise import RISES, evidence, together
from vigie_api.watch.scan import surprise
from vigie_api.watch.windows import LENGTHS, LONGEST, Row, Windows

KEPT: Final = 26 * PER_HOUR
"""Buckets that may still change: a post that is later than this is counted by nobody."""
_LEARN_AFTER: Final = 24 * PER_HOUR
_GUARD: Final = 2 * PER_HOUR
_DAY: Final = 24 * PER_HOUR
_FACTOR_PRIOR: Final = 12.0
_WARM_UP: Final = 24 * PER_HOUR
_HOLE: Final = 9.0  # expected posts in a silence: by chance exp(-9)
_LONG_SILENCE: Final = 7 * _DAY
_PENALTY: Final = {length: 2.0 * log(LONGEST / length) for length in LENGTHS}
"""Of a squared surprise: short windows are many, chance finds one among them sooner (Dümbgen and Spokoiny 2001)."""
_PENALTY_IN_CROWDS: Final = 0.5
_MOOD: Final = 0.02  # the share of negative posts wanders at least by its root, 14 %
_CROWD_DOUBT: Final = 1.5  # other posts
_CROWD: Final = 1.2  # times the usual other posts: a crowd, whose size only those posts tell


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How much it takes to open an episode. What the defaults give is measured in docs/early-warning.md."""

    threshold: float = 2.4
    """Logarithm of how much likelier a surge must make the posts than what is usual at this hour."""
    beside_others: float = 2.0
    """In a crowd: standard deviations of the longest window above what the other posts let expect; more in shorter."""
    least_ratio: float = 1.8
    """Times the expected negatives."""
    least_count: int = 4
    """Negative posts in the window."""


class Reading(NamedTuple):
    """What the scan says at the end of a bucket, and what the bucket held."""

    bucket: int
    evidence: float
    """For a surge, as the logarithm of a likelihood ratio; minus infinity where no window is worth a look."""
    start: int
    """First bucket of the most surprising window: where the rise seems to begin."""
    seen: int
    """Negative posts in that window."""
    expected: float
    surging: bool
    negatives: int
    total: int
    usual: float
    """Negative posts that are usual in this bucket alone."""


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
    _silence: float = 0.0
    _silent_since: int | None = None

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
            self.factor, self._silence, self._silent_since = 1.0, 0.0, None
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
        if self.counts.at(bucket).total:
            self._silence, self._silent_since = 0.0, None
            return
        if self._silent_since is None:
            self._silent_since = bucket
        self._silence += expected / (1.0 + self.baseline.alpha * expected)
        if self._silence > _HOLE:
            self._holes.update(range(max(self._silent_since, bucket - KEPT), bucket + 1))
            self._silent_since = bucket + 1
            self._changed = True
            self._past.clear()

    def _scan(self, closed: _Closed) -> Reading:
        bucket, needs, factor = closed.bucket, self.sensitivity, self.factor
        most, start, count, usually = -inf, bucket, 0, 0.0
        unsure = float(self.baseline.unsure[hour_of_week(bucket)])
        alpha = self.baseline.alpha + self.baseline.wander + unsure
        found: list[float] = []
        if self._watched >= _WARM_UP:
            for length, (seen, others, usual, usual_others) in self._windows:
                expected = max(usual * factor, 1e-6)
                if seen < needs.least_count or seen < needs.least_ratio * expected:
                    continue
                if self._is_crowd(length, seen, expected, others, usual_others * factor):
                    continue
                found.append(self._evidence(length, seen, expected, others, usual_others * factor, unsure))
                value = surprise(seen, expected, alpha) ** 2 - _PENALTY[length]
                if value > most:
                    most, start, count, usually = value, bucket - length + 1, round(seen), expected
        whole = together(found) if found else -inf
        came, surging = self.counts.at(bucket), whole >= needs.threshold
        usual_now = closed.negative * factor
        return Reading(bucket, whole, start, count, usually, surging, came.negatives, came.total, usual_now)

    def _evidence(
        self, length: int, seen: float, expected: float, others: float, usual_others: float, unsure: float
    ) -> float:
        """For rises over one window: against what is usual, and against what the other posts let expect."""
        base = self.baseline
        alpha = base.alpha + base.wander + unsure
        given, wander = base.given_others(expected, usual_others, others, unsure)
        parts = []
        for rise in RISES[length]:
            fit, added = self._windows.weighed(rise.weights, rise.added)
            added *= self.factor
            plain = evidence(fit, added, seen, expected, alpha)
            beside = evidence(fit, added * given / expected, seen, given, wander + _MOOD)
            parts.append(rise.prior + min(plain, beside))
        return together(parts)

    def _is_crowd(self, length: int, seen: float, expected: float, others: float, usual_others: float) -> bool:
        """Whether many other posts came in a window, and leave nothing of its negative ones to be explained."""
        if others < _CROWD * usual_others:
            return False
        crowd = max(expected, _of_crowd(expected, others, usual_others))
        unexplained = surprise(seen, crowd, 1.0 / (1.0 + others) + self.baseline.wander)
        return unexplained**2 < self.sensitivity.beside_others**2 + _PENALTY_IN_CROWDS * _PENALTY[length]

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
            "silence": [self._silence, self._silent_since],
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
        found._watched = state["watched"]
        found._silence, found._silent_since = state["silence"]
        found._changed = True  # the windows are summed again from the rest
        return found


def _of_crowd(expected: float, others: float, usual_others: float) -> float:
    """Negative posts that a crowd brings which brings so many others; the more those are, the less they are chance."""
    doubt = _CROWD_DOUBT / (_CROWD_DOUBT + others)
    return expected * (doubt + others) / (doubt + usual_others)
