"""The table of mentions: what was posted where, and how far it has come on its way into the watch."""

from enum import IntEnum
from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table, Text, text

from vigie_api.database.schema import UtcDateTime, metadata

_SEQ: Final = BigInteger().with_variant(Integer(), "sqlite")


class Stage(IntEnum):
    """How far a mention has come. Each step is one transaction, so a process may die between any two."""

    ACCEPTED = 0
    SCORED = 1
    COUNTED = 2
    SET_ASIDE = 3
    """The model failed on this text, and on no other: it keeps its text, and counts nowhere."""


_UNDER_WAY: Final = text(f"stage <> {int(Stage.COUNTED)}")
# Each as its database writes a boolean: SQLite takes such an index only where a query says the same, letter by letter.
_TELLING: Final = text("counted AND sentiment = 'negative'")
_TELLING_SQLITE: Final = text("counted = 1 AND sentiment = 'negative'")


def _negative(*columns: str) -> Index:
    """The words of a source's or a language's negative posts are read along these."""
    return Index(
        "_".join(("ix_mentions_negative", *columns)),
        *columns,
        "created_at",
        "topic",
        postgresql_where=_TELLING,
        sqlite_where=_TELLING_SQLITE,
    )


mentions = Table(
    "mentions",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    # The prediction on it has the same id, and from then on the text: what is deleted there is deleted.
    Column("id", String(36), nullable=False, unique=True),
    Column("source", String(32), nullable=False),
    Column("external_id", String(200), nullable=False),
    Column("topic", String(64), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("received_at", UtcDateTime(), nullable=False),
    Column("author_key", BigInteger()),  # a keyed hash: names are never stored
    Column("url", Text()),
    Column("reach", BigInteger()),
    Column("text", Text()),
    Column("stage", SmallInteger(), nullable=False),
    Column("sentiment", String(8)),
    Column("language", String(3)),
    Column("counted", Boolean()),  # false: a copy, or one author's further post
    Index("uq_mentions_source_external_id", "source", "external_id", unique=True),
    # Lists are walked along these two; the seq tells posts of the same second apart.
    Index("ix_mentions_created_at", "created_at", "seq"),
    Index("ix_mentions_topic_created_at", "topic", "created_at", "seq"),
    _negative("source"),
    _negative("language"),
    _negative("source", "language"),
    # Whole on SQLite, which cannot tell that one stage is not another.
    Index("ix_mentions_waiting", "stage", "seq", postgresql_where=_UNDER_WAY),
)

# What is left of a post that retention took: a hash of its source and id, so that it is not counted again when it is
# handed in again. Gone when a post of that age is refused anyway.
mention_tombstones = Table(
    "mention_tombstones",
    metadata,
    Column("mark", BigInteger(), primary_key=True, autoincrement=False),
    Column("posted_at", UtcDateTime(), nullable=False, index=True),
)
