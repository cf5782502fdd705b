"""One topic under watch: its rule, its episode, what it counted lately. Replay and the live watch run this very code.

Pure: buckets and posts come in, readings and what they did to the episode go out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.detector import TopicDetector
from vigie_api.watch.duplicates import Seen
from vigie_api.watch.episodes import Episode, Step, Tracker
from vigie_api.watch.reading import Reading
from vigie_api.watch.rules import Rule

LEARNING: Final = 24 * PER_HOUR
_NEAR: Final = 14 * 24 * PER_HOUR


class Fate(Enum):
    """What became of a post."""

    COUNTED = "counted"
    COPY = "copy"
    """A near-copy of one that counted, or its author's further post."""
    TOO_LATE = "too late"


class Read(NamedTuple):
    """A bucket that was read, the topic's episode after it, and what the reading did to that."""

    reading: Reading
    episode: Episode | None
    step: Step | None


@dataclass(slots=True)
class Topic:
    """Everything that deciding about one topic needs. `take` the posts of a bucket before it is closed, or late."""

    rule: Rule = field(default_factory=TopicDetector)
    tracker: Tracker = field(default_factory=Tracker)
    seen: Seen = field(default_factory=Seen)
    read: int = 0
    """Buckets read so far."""

    @property
    def is_learning(self) -> bool:
        """Whether too little is known yet: no episode opens on the first day."""
        return self.read < LEARNING

    def take(self, bucket: int, *, negative: bool, marks: tuple[int, ...]) -> Fate:
        """Count a post, unless another with one of these marks counted lately. Without marks it is nobody's copy."""
        if marks and not self.seen.is_new(marks, bucket):
            return Fate.COPY
        return Fate.COUNTED if self.rule.add(bucket, negative=negative) else Fate.TOO_LATE

    def close(self, until: int) -> Iterator[Read]:
        """Read the buckets before `until` that were not read yet, oldest first."""
        following = self.rule.next_bucket
        if following is None or until <= following:
            return
        # One bucket at a time, for the rule must know at once when an episode opens; not through months of silence.
        for bucket in range(following, until) if until - following < _NEAR else (until - 1,):
            for reading in self.rule.close(bucket + 1):
                step = self.tracker.follow(reading)
                self.rule.outside = self.tracker.is_open
                self.read += 1
                yield Read(reading, self.tracker.episode, step)

    def state(self) -> dict[str, Any]:
        """What a restart needs, as JSON takes it; without `seen`, which grows with the posts and is kept apart.

        Raises:
            TypeError: the rule is another tool's, which remembers nothing.
        """
        if not isinstance(self.rule, TopicDetector):
            raise TypeError("only our own rule can be kept")
        return {"rule": self.rule.state(), "tracker": self.tracker.state(), "read": self.read}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Topic":
        """What `state` gave, ready to go on."""
        return cls(TopicDetector.from_state(state["rule"]), Tracker.from_state(state["tracker"]), read=state["read"])
