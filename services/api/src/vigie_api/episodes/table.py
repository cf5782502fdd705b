"""The tables of the watch: what each topic remembers, its buckets, and its episodes."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, text

from vigie_api.database.schema import UtcDateTime, metadata

_OPEN: Final = text("state != 'closed'")

# What a detector needs after a restart, and how much it takes to alarm this topic's readers.
watch_topics = Table(
    "watch_topics",
    metadata,
    Column("topic", String(64), primary_key=True),
    Column("false_alarms", Integer(), nullable=False),
    Column("unlearned", Boolean(), nullable=False),  # history came that the state does not know yet
    Column("learning", Boolean(), nullable=False),  # too little is known yet to tell what is normal
    Column("sources", JSON(), nullable=False),
    Column("last_post_at", UtcDateTime(), nullable=False),  # the newest post's own time
    Column("held_until", UtcDateTime()),  # history is coming in: until then no further than its newest post
    Column("updated_at", UtcDateTime(), nullable=False),
    Column("state", JSON(), nullable=False),  # last, for SQLite reads through all that comes before what is wanted
)

# Hashes of the words and of the authors that counted within hours, so that copies are known; swept when they are old.
watch_marks = Table(
    "watch_marks",
    metadata,
    Column("topic", String(64), primary_key=True),
    Column("mark", BigInteger(), primary_key=True, autoincrement=False),
    Column("bucket", Integer(), nullable=False, index=True),
)

# Five minutes of a topic. `posts` and `negatives` are all of them; the others leave out copies, as the detector does.
watch_buckets = Table(
    "watch_buckets",
    metadata,
    Column("topic", String(64), primary_key=True),
    Column("at", UtcDateTime(), primary_key=True),
    Column("posts", Integer(), nullable=False),
    Column("negatives", Integer(), nullable=False),
    Column("counted_posts", Integer(), nullable=False),
    Column("counted_negatives", Integer(), nullable=False),
    Column("expected", Float(53)),  # negatives that are usual; unknown until the bucket was read
    Column("spread", Float(53)),  # over-dispersion of that expectation
)

# All posts, copies too, by source and language: what trends of a part of them are read from. `step_s` is how long a
# stretch is counted: five minutes, an hour or a day, each complete in itself.
mention_counts = Table(
    "mention_counts",
    metadata,
    Column("step_s", Integer(), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime(), primary_key=True),
    Column("topic", String(64), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("language", String(3), primary_key=True),
    Column("posts", Integer(), nullable=False),
    Column("negatives", Integer(), nullable=False),
    sqlite_with_rowid=False,
)

episodes = Table(
    "episodes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("topic", String(64), nullable=False),
    Column("state", String(8), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("onset_at", UtcDateTime(), nullable=False),
    Column("opened_at", UtcDateTime(), nullable=False, index=True),
    Column("escalated_at", UtcDateTime()),
    Column("closed_at", UtcDateTime()),
    Column("updated_at", UtcDateTime(), nullable=False),
    Column("negatives", Integer(), nullable=False),
    Column("posts", Integer(), nullable=False),
    Column("expected", Float(53), nullable=False),
    Column("peak_ratio", Float(53), nullable=False),
    Column("reach", BigInteger()),
    Column("terms", JSON(), nullable=False),
    Column("post_ids", JSON(), nullable=False),  # {"first": [...], "representative": [...]}: ids, never a text
    Column("alert_id", String(36), index=True),  # none when it was over long before it was found
    Column("acknowledged_at", UtcDateTime()),
    Column("acknowledged_by", String(64)),
    Column("assignee", String(64)),
    Column("note", Text()),
    Column("false_alarm", Boolean(), nullable=False),
    Index("ix_episodes_topic_opened_at", "topic", "opened_at"),
    Index("uq_episodes_open", "topic", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
)
