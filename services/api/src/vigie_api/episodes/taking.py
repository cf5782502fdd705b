"""Judged mentions on their way into the counts: what waits, what is a copy, and the buckets that they go to."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vigie_api.episodes.table import mention_counts, watch_buckets, watch_marks
from vigie_api.mentions.table import Stage, mentions
from vigie_api.prediction.table import predictions
from vigie_api.watch.counts import BUCKET_S, bucket_of
from vigie_api.watch.duplicates import Seen, marks_of
from vigie_api.watch.topic import Fate, Topic

COUNTED_S: Final = (BUCKET_S, 3_600, 86_400)
"""How long the steps are that posts are counted in by source and language."""
_AT_ONCE: Final = 500
_SIGNED: Final = 1 << 63


class Waiting(NamedTuple):
    """A judged mention. `text` is empty where it was deleted meanwhile."""

    seq: int
    topic: str
    source: str
    created_at: datetime
    received_at: datetime
    author_key: int | None
    sentiment: str
    language: str | None
    text: str | None

    @property
    def bucket(self) -> int:
        """The bucket of the time at which it was posted."""
        return bucket_of(self.created_at.timestamp())

    @property
    def marks(self) -> tuple[int, ...]:
        """What its copies and its author's further posts share with it, as the database's whole numbers hold it."""
        marks = marks_of(self.text or "", self.author_key)
        return tuple(mark - 2 * _SIGNED if mark >= _SIGNED else mark for mark in marks)


@dataclass(slots=True)
class Came:
    """What came into one bucket: all posts, and those that count."""

    posts: int = 0
    negatives: int = 0
    counted_posts: int = 0
    counted_negatives: int = 0


@dataclass(slots=True)
class Taken:
    """What became of the mentions of one topic."""

    buckets: dict[int, Came] = field(default_factory=dict)
    counted: list[int] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    too_late: int = 0
    """Of the counted ones: they are in the buckets, but the detector had learned those already."""


def begins(bucket: int) -> datetime:
    """When a bucket begins."""
    return datetime.fromtimestamp(bucket * BUCKET_S, UTC)


def read_waiting(connection: Connection, most: int, without: Collection[str] = ()) -> list[Waiting]:
    """Judged mentions that nobody counted, the oldest to arrive first; `without` some topics."""
    columns = [mentions.c[name] for name in Waiting._fields if name != "text"]
    query = (
        select(*columns, predictions.c.text)
        .select_from(mentions.outerjoin(predictions, predictions.c.id == mentions.c.id))
        .where(mentions.c.stage == int(Stage.SCORED))
        .order_by(mentions.c.seq)
        .limit(most)
    )
    if without:
        query = query.where(mentions.c.topic.not_in(sorted(without)))
    return [Waiting._make(row) for row in connection.execute(query)]


def is_behind(connection: Connection, before: datetime) -> bool:
    """Whether a mention that arrived before then still waits to be judged."""
    query = select(mentions.c.received_at).where(mentions.c.stage == int(Stage.ACCEPTED)).order_by(mentions.c.seq)
    oldest = connection.scalar(query.limit(1))
    return oldest is not None and oldest < before


def take(connection: Connection, name: str, topic: Topic, posts: Iterable[Waiting]) -> Taken:
    """Let a topic count posts in the order of their own times, each once. Changes the topic and `watch_marks`."""
    ordered = [(post, post.bucket, post.marks) for post in sorted(posts, key=lambda one: (one.created_at, one.seq))]
    known = _marks(connection, name, {mark for _, _, marks in ordered for mark in marks})
    topic.seen = Seen(dict(known))
    newest: dict[int, int] = {}
    taken = Taken()
    for post, bucket, marks in ordered:
        negative = post.sentiment == "negative"
        fate = topic.take(bucket, negative=negative, marks=marks)
        came = taken.buckets.setdefault(bucket, Came())
        came.posts += 1
        came.negatives += negative
        if fate is Fate.COPY:
            taken.copies.append(post.seq)
            continue
        came.counted_posts += 1
        came.counted_negatives += negative
        taken.counted.append(post.seq)
        taken.too_late += fate is Fate.TOO_LATE
        for mark in marks:
            newest[mark] = max(bucket, newest.get(mark, bucket), known.get(mark, bucket))
    _keep_marks(connection, name, newest)
    return taken


def _marks(connection: Connection, name: str, wanted: set[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in _parts(sorted(wanted)):
        query = select(watch_marks.c.mark, watch_marks.c.bucket)
        rows = connection.execute(query.where(watch_marks.c.topic == name, watch_marks.c.mark.in_(some)))
        found.update((row.mark, row.bucket) for row in rows)
    return found


def _keep_marks(connection: Connection, name: str, newest: dict[int, int]) -> None:
    rows = [{"topic": name, "mark": mark, "bucket": bucket} for mark, bucket in sorted(newest.items())]
    upsert(connection, watch_marks, rows, replacing=("bucket",))


def sweep_marks(connection: Connection, before: int) -> None:
    """Forget the marks of posts that are older than a bucket."""
    connection.execute(watch_marks.delete().where(watch_marks.c.bucket < before))


def add_buckets(connection: Connection, name: str, buckets: dict[int, Came]) -> None:
    """Add what came to the stored buckets."""
    rows = [
        {"topic": name, "at": begins(bucket)} | {column: getattr(came, column) for column in Came.__slots__}
        for bucket, came in sorted(buckets.items())
    ]
    upsert(connection, watch_buckets, rows, adding=tuple(Came.__slots__))


def add_parts(connection: Connection, posts: Iterable[Waiting]) -> None:
    """Add posts, copies too, to the counts by topic, source and language."""
    counts: dict[tuple[int, int, str, str, str], list[int]] = {}
    for post in posts:
        at_s, negative = post.created_at.timestamp(), post.sentiment == "negative"
        for step_s in COUNTED_S:
            key = step_s, int(at_s // step_s) * step_s, post.topic, post.source, post.language or "und"
            count = counts.setdefault(key, [0, 0])
            count[0] += 1
            count[1] += negative
    rows = [
        {
            "step_s": step_s,
            "at": datetime.fromtimestamp(at_s, UTC),
            "topic": topic,
            "source": source,
            "language": language,
            "posts": number,
            "negatives": negatives,
        }
        for (step_s, at_s, topic, source, language), (number, negatives) in sorted(counts.items())
    ]
    upsert(connection, mention_counts, rows, adding=("posts", "negatives"))


Usual = tuple[int, float | None, float | None]
"""Of a bucket that was read: its number, the negative posts that are usual, their over-dispersion; None: not known."""


def add_expectations(connection: Connection, name: str, usual: Sequence[Usual]) -> None:
    """Note what was usual in buckets that were read."""
    nothing = dict.fromkeys(Came.__slots__, 0)
    rows = [
        {"topic": name, "at": begins(bucket), "expected": expected, "spread": spread} | nothing
        for bucket, expected, spread in usual
    ]
    upsert(connection, watch_buckets, rows, replacing=("expected", "spread"))


def mark_counted(connection: Connection, counted: Sequence[int], copies: Sequence[int]) -> None:
    """Let mentions arrive at their last stage."""
    for seqs, counts in ((counted, True), (copies, False)):
        for some in _parts(seqs):
            here = mentions.c.seq.in_(some)
            connection.execute(update(mentions).where(here).values(stage=int(Stage.COUNTED), counted=counts))


def _parts(values: Sequence[int]) -> Iterable[Sequence[int]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    adding: Sequence[str] = (),
    replacing: Sequence[str] = (),
) -> None:
    """Insert rows; of those that are there already, add to some columns and replace others."""
    if not rows:
        return
    kind = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = kind.insert(table)
    new = statement.excluded
    changed = {name: table.c[name] + new[name] for name in adding} | {name: new[name] for name in replacing}
    keys = [column.name for column in table.primary_key]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


def ended(now: datetime, grace: timedelta) -> int:
    """The first bucket that may still get posts on time: all before it ended, and `grace` more."""
    return bucket_of((now - grace).timestamp())
