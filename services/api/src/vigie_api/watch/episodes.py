"""An episode from its first surprising bucket to the calm after it."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, Final, NamedTuple

from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.reading import Reading

CALM: Final = 2 * PER_HOUR
"""Buckets without a surge that end an episode."""
LONGEST: Final = 48 * PER_HOUR
"""After so long it is no surge but the new normal: the episode ends, and the detector learns again."""
_BACK: Final = 24 * PER_HOUR


class Severity(StrEnum):
    """How bad, in words for people who answer to it."""

    WATCH = "watch"
    SERIOUS = "serious"
    CRITICAL = "critical"


_ORDER: Final = tuple(Severity)


class Step(StrEnum):
    """What happened to an episode."""

    OPENED = "opened"
    ESCALATED = "escalated"
    CLOSED = "closed"


class _Came(NamedTuple):
    negatives: int
    total: int
    usual: float


@dataclass(slots=True)
class Episode:
    """One surge, in numbers of five-minute buckets. Posts and expectation count from the onset to now, or the end."""

    onset: int
    """First bucket of the window that opened it: where the rise seems to begin."""
    opened: int
    """Bucket at whose end it was opened."""
    last_surge: int
    severity: Severity
    peak_ratio: float
    """Highest ratio of a surging window to what it usually holds."""
    negatives: int = 0
    total: int = 0
    expected: float = 0.0
    closed: int | None = None

    @property
    def share(self) -> float:
        """Of the negative posts among all."""
        return self.negatives / self.total if self.total else 0.0


def ratio_of(reading: Reading) -> float:
    """Negative posts for each expected; with next to none expected, for each half post."""
    return reading.seen / max(reading.expected, 0.5)


def severity_of(reading: Reading) -> Severity:
    """Serious from four times what is expected and 15 posts on, critical from eight times and 40."""
    ratio = ratio_of(reading)
    if ratio >= 8 and reading.seen >= 40:
        return Severity.CRITICAL
    if ratio >= 4 and reading.seen >= 15:
        return Severity.SERIOUS
    return Severity.WATCH


@dataclass(slots=True)
class Tracker:
    """Follows one topic: at most one episode is open at a time."""

    episode: Episode | None = None
    """The open one, or the one that the last reading closed."""
    _lately: deque[_Came] = field(default_factory=lambda: deque(maxlen=_BACK))

    @property
    def is_open(self) -> bool:
        """Whether an episode is open."""
        return self.episode is not None and self.episode.closed is None

    def follow(self, reading: Reading) -> Step | None:
        """What a reading does to the topic's episode. A closed one stays in `episode` until the next reading."""
        came = _Came(reading.negatives, reading.total, reading.usual)
        self._lately.append(came)
        episode = self.episode
        if episode is None or episode.closed is not None:
            self.episode = self._opened(reading) if reading.surging else None
            return Step.OPENED if reading.surging else None
        _count(episode, came)
        if reading.surging:
            episode.last_surge = reading.bucket
            episode.peak_ratio = max(episode.peak_ratio, ratio_of(reading))
            severity = severity_of(reading)
            if _ORDER.index(severity) > _ORDER.index(episode.severity):
                episode.severity = severity
                return Step.ESCALATED
        if reading.bucket - episode.last_surge >= CALM or reading.bucket - episode.opened >= LONGEST:
            episode.closed = reading.bucket
            return Step.CLOSED
        return None

    def _opened(self, reading: Reading) -> Episode:
        episode = Episode(reading.start, reading.bucket, reading.bucket, severity_of(reading), ratio_of(reading))
        back = reading.bucket - reading.start + 1
        for came in islice(self._lately, max(0, len(self._lately) - back), None):
            _count(episode, came)
        return episode

    def state(self) -> dict[str, Any]:
        """As JSON takes it."""
        episode = self.episode
        return {
            "episode": None if episode is None else {name: getattr(episode, name) for name in Episode.__slots__},
            "lately": [list(came) for came in self._lately],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Tracker":
        """What `state` gave."""
        found = cls()
        if state["episode"] is not None:
            found.episode = Episode(**{**state["episode"], "severity": Severity(state["episode"]["severity"])})
        found._lately.extend(_Came(*came) for came in state["lately"])
        return found


def _count(episode: Episode, came: _Came) -> None:
    episode.negatives += came.negatives
    episode.total += came.total
    episode.expected += came.usual
