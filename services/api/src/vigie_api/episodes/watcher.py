"""One step of the live watch: count what was judged, read the buckets that ended, write what follows. One transaction.

Nothing is counted twice or lost, whenever the process dies: the mention's stage, the counts, the topic's state, the
episode, its alert and the e-mails to send are committed together. What is in memory is a copy that `forget` drops.
A topic at which one step after the other fails is left out for a while: its posts wait, and the others go on.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from vigie_api.alerts.book import AlertBook
from vigie_api.episodes.chronicle import Chronicle, Turn, turns_of
from vigie_api.episodes.memory import DORMANT, MOST_TOPICS, Watched, load, load_one, save, stored
from vigie_api.episodes.table import watch_topics
from vigie_api.episodes.taking import (
    Taken,
    Usual,
    Waiting,
    add_buckets,
    add_expectations,
    add_parts,
    ended,
    is_behind,
    mark_counted,
    read_waiting,
    sweep_marks,
    take,
)
from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.detector import KEPT
from vigie_api.watch.duplicates import WITHIN

_log = logging.getLogger("vigie_api.watch")
BATCH: Final = 500
_GRACE: Final = timedelta(seconds=60)
_SCORED_WITHIN: Final = timedelta(seconds=15)
_HISTORY: Final = timedelta(hours=2)
"""A post that arrives so long after it was made, ahead of what was read of its topic, is history that comes in."""
_HOLD: Final = timedelta(minutes=2)
_MARKS_KEPT: Final = KEPT + WITHIN
_PATIENCE: Final = 3
_REST: Final = timedelta(minutes=10)


@dataclass(slots=True)
class Done:
    """What a step did."""

    counted: int = 0
    copies: int = 0
    too_late: int = 0
    unwatched: int = 0
    """Of topics beyond the most that are watched."""
    opened: int = 0
    more: bool = False
    """Whether more waits."""
    open_episodes: int = 0
    topics: int = 0


class Watcher:
    """Takes steps, one at a time, on a connection of the one process that leads."""

    def __init__(self, book: AlertBook) -> None:
        self._chronicle = Chronicle(book)
        self._topics: dict[str, Watched] | None = None
        self._swept_hour = 0
        self._at: str | None = None  # the topic that is worked on
        self._failed: tuple[str | None, int] = (None, 0)
        self._resting: dict[str, datetime] = {}

    def forget(self) -> None:
        """Drop what is in memory: a step failed, or another process may have led meanwhile."""
        self._topics = None
        self._chronicle.forget()

    def is_due(self, now: datetime) -> bool:
        """Whether a bucket ended that was not read, or nothing is known yet."""
        if self._topics is None:
            return True
        until = ended(now, _GRACE)
        return any(
            watched.rule.next_bucket is not None
            and watched.until(until, now, behind=False) > watched.rule.next_bucket
            and not _is_dormant(watched, now)
            for watched in self._topics.values()
        )

    def step(self, connection: Connection, now: datetime) -> Done:
        """Count up to BATCH mentions and read what ended, in the caller's transaction. Call `forget` when it fails."""
        self._at = None
        try:
            done = self._step(connection, now)
        except Exception:
            self._blame(now)
            raise
        self._failed = (None, 0)
        return done

    def _blame(self, now: datetime) -> None:
        """Leave a topic out for a while when steps fail at it again and again; where they fail may be by chance."""
        times = self._failed[1] + 1 if self._at == self._failed[0] else 1
        self._failed = (self._at, times)
        if self._at is not None and times >= _PATIENCE:
            self._resting[self._at] = now + _REST
            _log.error("the watch fails at a topic and leaves it out for ten minutes", extra={"topic": self._at})

    def _load(self, connection: Connection, now: datetime) -> dict[str, Watched]:
        found = {}
        for row in stored(connection, now):
            if row["topic"] not in self._resting:
                self._at = row["topic"]
                found[row["topic"]] = load(connection, row, now)
        self._at = None
        return found

    def _step(self, connection: Connection, now: datetime) -> Done:
        if self._resting:
            rested = [name for name, until in self._resting.items() if until <= now]
            for name in rested:
                del self._resting[name]
            if rested:
                self._topics = None  # they are loaded with the others
        if self._topics is None:
            self._topics = self._load(connection, now)
        self._hear(connection)
        batch = read_waiting(connection, BATCH, self._resting)
        done = Done(more=len(batch) == BATCH)
        behind = done.more or is_behind(connection, now - _SCORED_WITHIN)
        self._count(connection, batch, now, done)
        until = ended(now, _GRACE)
        for name, watched in list(self._topics.items()):
            self._at = name
            if watched.unlearned and not behind and not watched.is_held(now) and watched.may_relearn(now):
                watched.relearn(connection)
                watched.relearned_at = now
            if not _is_dormant(watched, now):
                self._read(connection, watched, watched.until(until, now, behind=behind), now, done)
            elif not watched.changed and not watched.unlearned and watched.episode_id is None:
                del self._topics[name]
            save(connection, watched, now)
        self._at = None
        hour = until // PER_HOUR
        if hour != self._swept_hour:
            self._swept_hour = hour
            sweep_marks(connection, until - _MARKS_KEPT)
        done.open_episodes = sum(watched.episode_id is not None for watched in self._topics.values())
        done.topics = len(self._topics)
        return done

    def _hear(self, connection: Connection) -> None:
        """Take note of what people say of false alarms."""
        assert self._topics is not None  # noqa: S101 - `step` loaded them
        known = watch_topics.c
        query = select(known.topic, known.false_alarms)
        for name, number in connection.execute(query.where(known.topic.in_(sorted(self._topics)))):
            watched = self._topics[name]
            if watched.false_alarms != number:
                watched.hear(number)
                watched.changed = True

    def _count(self, connection: Connection, batch: list[Waiting], now: datetime, done: Done) -> None:
        by_topic: dict[str, list[Waiting]] = defaultdict(list)
        for post in batch:
            by_topic[post.topic].append(post)
        counted: list[int] = []
        copies: list[int] = []
        for name, posts in by_topic.items():
            self._at = name
            watched = self._topic(connection, name, posts, now)
            if watched is None:
                copies += [post.seq for post in posts]
                done.unwatched += len(posts)
                continue
            following = watched.rule.next_bucket
            taken = take(connection, name, watched.topic, posts)
            _note(watched, posts, following, taken, now)
            add_buckets(connection, name, taken.buckets)
            counted += taken.counted
            copies += taken.copies
            done.copies += len(taken.copies)
            done.too_late += taken.too_late
        self._at = None
        add_parts(connection, batch)
        done.counted += len(counted)
        mark_counted(connection, counted, copies)

    def _topic(self, connection: Connection, name: str, posts: list[Waiting], now: datetime) -> Watched | None:
        assert self._topics is not None  # noqa: S101 - `step` loaded them
        found = self._topics.get(name)
        if found is None and len(self._topics) < MOST_TOPICS:
            newest = max(post.created_at for post in posts)
            found = self._topics[name] = load_one(connection, name, now) or Watched(name, newest)
        return found

    def _read(self, connection: Connection, watched: Watched, until: int, now: datetime, done: Done) -> None:
        usual: list[Usual] = []
        turns: list[Turn] = []
        for read in watched.topic.close(until):
            knows = not watched.topic.is_learning
            spread = watched.rule.baseline.alpha + watched.rule.baseline.wander
            bucket = read.reading.bucket
            usual.append((bucket, read.reading.usual, spread) if knows else (bucket, None, None))
            turns += turns_of(read)
        if not usual:
            return
        watched.changed = True
        add_expectations(connection, watched.name, usual)
        self._chronicle.write(connection, watched, turns, usual[-1][0], now)
        done.opened += sum(turn.step == "opened" for turn in turns)


def _is_dormant(watched: Watched, now: datetime) -> bool:
    return watched.last_post_at < now - DORMANT and not watched.is_held(now) and not watched.topic.tracker.is_open


def _note(watched: Watched, posts: list[Waiting], following: int | None, taken: Taken, now: datetime) -> None:
    """Take note of what came beside the counts: from where, how new, and whether it is history."""
    sources = watched.sources | {post.source for post in posts}
    newest = max(watched.last_post_at, *(post.created_at for post in posts))
    if sources != watched.sources or newest != watched.last_post_at:
        watched.sources, watched.last_post_at, watched.noted = sources, newest, True
    ahead = [post for post in posts if following is None or post.bucket >= following or taken.too_late]
    if any(post.received_at - post.created_at > _HISTORY for post in ahead):
        watched.held_until, watched.noted = now + _HOLD, True
    if taken.too_late and not watched.unlearned:
        watched.unlearned, watched.noted = True, True
    # A late post changes what was read; what came into open buckets is read from the counts when the state is loaded.
    watched.changed |= following is None or any(bucket < following for bucket in taken.buckets)


def is_waiting(connection: Connection) -> bool:
    """Whether any mention waits to be counted."""
    return bool(read_waiting(connection, 1))
