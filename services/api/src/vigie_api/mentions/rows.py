"""A mention as it is written, and the one statement that writes a batch of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Final, NamedTuple

from sqlalchemy import Connection

from vigie_api.mentions.table import Stage

_AT_ONCE: Final = 250  # more would hold the interpreter, and with it every request, for longer than a millisecond


class MentionRow(NamedTuple):
    """A mention that was accepted. Times are text in UTC, as `stamp` makes it: both databases and JSON take that."""

    id: str
    source: str
    external_id: str
    topic: str
    created_at: str
    received_at: str
    author_key: int | None
    url: str | None
    reach: int | None
    text: str


_COLUMNS: Final = ", ".join((*MentionRow._fields, "stage"))
_ROW: Final = {
    dialect: "(" + f"{mark}, " * len(MentionRow._fields) + f"{int(Stage.ACCEPTED)})"
    for dialect, mark in (("sqlite", "?"), ("postgresql", "%s"))
}


def stamp(time: datetime) -> str:
    """An aware time as the columns store it."""
    return time.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def insert_mentions(connection: Connection, rows: Sequence[MentionRow]) -> int:
    """Write the rows that are new; returns how many. A (source, external_id) that is there already stays as it is.

    The rows must come in the order of (source, external_id): two writers of the same posts then wait for each other
    in turn, and never each for the other.
    """
    new = 0
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        places = ", ".join([_ROW[connection.dialect.name]] * len(part))
        statement = f"INSERT INTO mentions ({_COLUMNS}) VALUES {places} ON CONFLICT DO NOTHING"  # noqa: S608 - constants
        new += connection.exec_driver_sql(statement, tuple(chain.from_iterable(part))).rowcount
    return new
