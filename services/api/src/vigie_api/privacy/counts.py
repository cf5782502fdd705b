"""What the watch counted, and the traces of posts that went: they hold no words, and go by their age alone."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, func, select, tuple_

from vigie_api.episodes.memory import LEARNED
from vigie_api.episodes.table import mention_counts, watch_buckets, watch_topics
from vigie_api.episodes.taking import COUNTED_S
from vigie_api.mentions.table import mention_tombstones

BATCH: Final = 250
Old = tuple[Table, ColumnElement[bool]]


def old_counts(connection: Connection, before: datetime) -> Iterator[Old]:
    """The counts of before a time, but for those that a topic's detector would learn again from."""
    with connection.begin():
        newest = connection.execute(select(watch_topics.c.topic, watch_topics.c.last_post_at)).all()
    for topic, last_post_at in newest:
        bucket = watch_buckets.c
        yield watch_buckets, (bucket.topic == topic) & (bucket.at < min(before, last_post_at - LEARNED))
    for step_s in COUNTED_S:
        yield mention_counts, (mention_counts.c.step_s == step_s) & (mention_counts.c.at < before)


def old_tombstones(before: datetime) -> Iterator[Old]:
    """The traces of posts that were made before a time: they are refused for their age by now."""
    yield mention_tombstones, mention_tombstones.c.posted_at < before


def end(
    connection: Connection, old: Iterator[Old], done: Counter[str], rest: Callable[[], bool], *, dry_run: bool
) -> None:
    """Delete these rows, a few hundred in a transaction, or count them; `rest` says whether to go on."""
    for table, which in old:
        if dry_run:
            with connection.begin():
                done[table.name] += connection.scalar(select(func.count()).select_from(table).where(which)) or 0
            continue
        while True:
            with connection.begin():
                rows = connection.execute(delete(table).where(_first(table, which))).rowcount
            done[table.name] += rows
            if rows < BATCH:
                break
            if not rest():
                return


def _first(table: Table, which: ColumnElement[bool]) -> ColumnElement[bool]:
    key: list[Column[object]] = list(table.primary_key.columns)
    return tuple_(*key).in_(select(*key).where(which).limit(BATCH))
