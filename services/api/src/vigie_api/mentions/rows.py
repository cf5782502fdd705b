"""A mention as it is written, and the one statement that writes a batch of them."""

import hashlib
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
_MARK: Final = {"sqlite": "?", "postgresql": "%s"}
_ROW: Final = {
    dialect: "(" + f"{mark}, " * len(MentionRow._fields) + f"{int(Stage.ACCEPTED)})" for dialect, mark in _MARK.items()
}


def stamp(time: datetime) -> str:
    """An aware time as the columns store it."""
    return time.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def mark_of(source: str, external_id: str) -> int:
    """What is kept of a post that retention took: 64 bits with a sign, of which nobody reads the id."""
    digest = hashlib.blake2b(f"{source}\0{external_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def insert_mentions(connection: Connection, rows: Sequence[MentionRow]) -> int:
    """Write the rows that are new; returns how many. A (source, external_id) that is there already stays as it is, and
    one that retention took stays away.

    The rows must come in the order of (source, external_id): two writers of the same posts then wait for each other
    in turn, and never each for the other.
    """
    new = 0
    for start in range(0, len(rows), _AT_ONCE):
        part = _without_tombstones(connection, rows[start : start + _AT_ONCE])
        if not part:
            continue
        places = ", ".join([_ROW[connection.dialect.name]] * len(part))
        statement = f"INSERT INTO mentions ({_COLUMNS}) VALUES {places} ON CONFLICT DO NOTHING"  # noqa: S608 - constants
        new += connection.exec_driver_sql(statement, tuple(chain.from_iterable(part))).rowcount
    return new


def _without_tombstones(connection: Connection, rows: Sequence[MentionRow]) -> Sequence[MentionRow]:
    marks = [mark_of(row.source, row.external_id) for row in rows]
    places = ", ".join([_MARK[connection.dialect.name]] * len(marks))
    found = connection.exec_driver_sql(f"SELECT mark FROM mention_tombstones WHERE mark IN ({places})", tuple(marks))  # noqa: S608 - constants
    gone = set(found.scalars())
    return [row for row, mark in zip(rows, marks, strict=True) if mark not in gone] if gone else rows
