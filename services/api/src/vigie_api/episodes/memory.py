"""What the watch remembers of a topic between two steps, and how that is stored.

The state is written when a bucket was read or a late post changed one, not with each post: what came into open buckets
is in `watch_buckets`, and read from there when the topic is loaded. So its size does not depend on how much is posted.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, or_, select

from vigie_api.episodes.sensitivity import sensitivity_after
from vigie_api.episodes.table import episodes, watch_buckets, watch_topics
from vigie_api.episodes.taking import begins, upsert
from vigie_api.watch.counts import Bucket, bucket_of
from vigie_api.watch.detector import KEPT, TopicDetector
from vigie_api.watch.topic import Topic

_log = logging.getLogger("vigie_api.watch")
DORMANT: Final = timedelta(days=8)
"""After so long without a post a topic is read no further, until one comes."""
MOST_TOPICS: Final = 1_000
LEARNED: Final = timedelta(weeks=9)
"""What a topic is learned again from, back from its newest post."""
_RELEARN_EVERY: Final = timedelta(hours=1)
"""It takes seconds: whoever dates posts back, one by one, must not keep the watch at it."""


@dataclass(slots=True)
class Watched:
    """A topic with what is stored beside its state."""

    name: str
    last_post_at: datetime
    topic: Topic = field(default_factory=Topic)
    false_alarms: int = 0
    sources: set[str] = field(default_factory=set)
    held_until: datetime | None = None
    episode_id: str | None = None
    """Of the open episode."""
    stored: bool = False
    changed: bool = True
    """The state must be written."""
    noted: bool = True
    """What is beside the state must be written."""
    unlearned: bool = False
    """History came in that the detector could not learn in its order."""
    relearned_at: datetime | None = None

    @property
    def rule(self) -> TopicDetector:
        """Its detector."""
        assert isinstance(self.topic.rule, TopicDetector)  # noqa: S101 - the live watch uses no other rule
        return self.topic.rule

    def hear(self, false_alarms: int) -> None:
        """Be as sensitive as people want it."""
        self.false_alarms = false_alarms
        self.rule.sensitivity = sensitivity_after(false_alarms)

    def is_held(self, now: datetime) -> bool:
        """Whether history is coming in."""
        return self.held_until is not None and now < self.held_until

    def until(self, ended: int, now: datetime, *, behind: bool) -> int:
        """Where reading stops: at the buckets that have not ended; while posts are behind, at the newest post's."""
        return min(ended, bucket_of(self.last_post_at.timestamp())) if behind or self.is_held(now) else ended

    def may_relearn(self, now: datetime) -> bool:
        """Whether it was long enough ago that everything was learned again."""
        return self.relearned_at is None or now - self.relearned_at >= _RELEARN_EVERY

    def relearn(self, connection: Connection) -> None:
        """Let a new detector learn from the stored buckets, in order."""
        scratch = Topic()
        since = self.last_post_at - LEARNED
        until = self.rule.next_bucket
        for bucket, came in _buckets(connection, self.name, since):
            for _ in scratch.close(bucket if until is None else min(bucket, until)):
                pass
            _add(scratch.rule, bucket, came)
        if until is not None:
            for _ in scratch.close(until):
                pass
        scratch.rule.outside = self.topic.tracker.is_open
        self.topic.rule, self.topic.read = scratch.rule, scratch.read
        self.hear(self.false_alarms)
        self.changed, self.unlearned = True, False


def _add(rule: Any, bucket: int, came: Bucket) -> None:
    if came.negatives:
        rule.add(bucket, negative=True, posts=came.negatives)
    if came.positives:
        rule.add(bucket, negative=False, posts=came.positives)


def _buckets(connection: Connection, name: str, since: datetime) -> Iterator[tuple[int, Bucket]]:
    """The stored buckets with posts that count, oldest first."""
    known = watch_buckets.c
    query = (
        select(known.at, known.counted_negatives, known.counted_posts)
        .where(known.topic == name, known.at >= since, known.counted_posts > 0)
        .order_by(known.at)
    )
    for at, negatives, posts in connection.execute(query):
        yield bucket_of(at.timestamp()), Bucket(negatives, posts)


def stored(connection: Connection, now: datetime) -> Sequence[RowMapping]:
    """The topics that are not dormant, have an open episode or history to learn.

    Where they are too many, those with the newest posts come first.
    """
    is_open = watch_topics.c.topic.in_(select(episodes.c.topic).where(episodes.c.state != "closed"))
    query = (
        select(watch_topics)
        .where(or_(watch_topics.c.last_post_at > now - DORMANT, is_open, watch_topics.c.unlearned))
        .order_by(watch_topics.c.last_post_at.desc())
        .limit(MOST_TOPICS)
    )
    return connection.execute(query).mappings().all()


def load_one(connection: Connection, name: str, now: datetime) -> Watched | None:
    """A topic; None: it is new."""
    row = connection.execute(select(watch_topics).where(watch_topics.c.topic == name)).mappings().first()
    return None if row is None else load(connection, row, now)


def load(connection: Connection, row: RowMapping, now: datetime) -> Watched:
    """The topic of a row. Closes its episode when the state cannot be read any more."""
    found = Watched(
        row["topic"],
        row["last_post_at"],
        sources=set(row["sources"]),
        held_until=row["held_until"],
        unlearned=row["unlearned"],
        stored=True,
        changed=False,
        noted=False,
    )
    is_open = (episodes.c.topic == found.name) & (episodes.c.state != "closed")
    found.episode_id = connection.scalar(select(episodes.c.id).where(is_open))
    try:
        found.topic = Topic.from_state(row["state"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        _log.warning("a topic's state is of another version: it is learned again from its counts")
        found.relearn(connection)
        found.episode_id = None
        over = {"state": "closed", "closed_at": now, "updated_at": now}
        connection.execute(episodes.update().where(is_open).values(**over))
    else:
        _refill(connection, found)
    found.hear(row["false_alarms"])
    return found


def _refill(connection: Connection, found: Watched) -> None:
    """Take the recent counts from the buckets: posts came since the state was written."""
    following = found.rule.next_bucket
    if following is None:
        return
    # Through the state, for a detector may keep more of its counts than the counts themselves.
    state = found.topic.state()
    state["rule"]["counts"] = [
        [bucket, came.negatives, came.total]
        for bucket, came in _buckets(connection, found.name, begins(following - KEPT))
    ]
    found.topic = Topic.from_state(state)


def save(connection: Connection, watched: Watched, now: datetime) -> None:
    """Write what changed."""
    if not (watched.changed or watched.noted):
        return
    beside = {
        "learning": watched.topic.is_learning,
        "unlearned": watched.unlearned,
        "sources": sorted(watched.sources),
        "last_post_at": watched.last_post_at,
        "held_until": watched.held_until,
        "updated_at": now,
    }
    row: dict[str, Any] = {"topic": watched.name} | beside
    if watched.changed:
        row["state"] = watched.topic.state()
    if watched.stored:
        here = watch_topics.c.topic == watched.name
        connection.execute(watch_topics.update().where(here).values(**row))
    else:
        upsert(connection, watch_topics, [row | {"false_alarms": watched.false_alarms}], replacing=("state", *beside))
    watched.stored, watched.changed, watched.noted = True, False, False
