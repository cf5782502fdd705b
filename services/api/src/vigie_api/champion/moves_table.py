"""The table of promotions and rollbacks: who moved the champion, when, from what to what, and why."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, UniqueConstraint

from vigie_api.database.schema import UtcDateTime, metadata

alias_moves = Table(
    "alias_moves",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime(), nullable=False, index=True),
    Column("action", String(8), nullable=False),
    Column("version", String(20), nullable=False),
    Column("recipe", String(64), nullable=False),
    Column("previous", String(20)),
    Column("by", String(200), nullable=False),
    Column("reason", Text(), nullable=False),
    UniqueConstraint("version", "at"),
)
