"""The row of a connector: where to go on, how it is, and the lease of the one process that runs it.

The lease is in the row so that the cursor can only be moved by who holds it: a process that slept through the end of
its lease cannot put an old cursor over a newer one. Times are the database's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, CursorResult, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vigie_api.alerts.outbox import clock
from vigie_api.connectors.source import Cursor
from vigie_api.connectors.table import connector_cursors as table

LEASE_S: Final = 8.0
MAX_ERROR_CHARS: Final = 300
State = Literal["running", "waiting", "failing"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it is read. `held`: a process runs the connector now."""

    cursor: Cursor | None
    state: State
    taken: int
    error: str | None
    last_taken_at: datetime | None
    held: bool


def claim(connection: Connection, name: str, owner: str) -> bool:
    """Take the lease of a connector; False while another process holds it."""
    now = clock(connection)
    add = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    new = {"name": name, "state": "waiting", "taken": 0, "updated_at": now}
    connection.execute(add(table).values(**new).on_conflict_do_nothing(index_elements=["name"]))
    free = or_(table.c.lease_until.is_(None), table.c.lease_until <= now, table.c.owner == owner)
    return _changed(
        connection.execute(
            update(table).where(table.c.name == name, free).values(owner=owner, lease_until=_lease_end(now))
        )
    )


def renew(connection: Connection, name: str, owner: str) -> bool:
    """Keep the lease; False when another process has it by now."""
    return _ours(connection, name, owner, {"lease_until": _lease_end(clock(connection))})


def release(connection: Connection, name: str, owner: str) -> bool:
    """Let another process have it at once."""
    return _ours(connection, name, owner, {"lease_until": None, "owner": None})


def save(connection: Connection, name: str, owner: str, cursor: Cursor, taken: int, trouble: str | None) -> bool:
    """Note where to go on, once what was before it is durable; False when the lease is another's: nothing changes."""
    now = clock(connection)
    values: dict[str, Any] = {
        "cursor": cursor,
        "state": "running" if trouble is None else "failing",
        "last_error": None if trouble is None else trouble[:MAX_ERROR_CHARS],
        "taken": table.c.taken + taken,
        "lease_until": _lease_end(now),
        "updated_at": now,
    }
    if taken:
        values["last_taken_at"] = now
    return _ours(connection, name, owner, values)


def tell(connection: Connection, name: str, owner: str, state: State, error: str | None) -> bool:
    """Note how it is, and leave the cursor alone."""
    now = clock(connection)
    told = None if error is None else error[:MAX_ERROR_CHARS]
    return _ours(connection, name, owner, {"state": state, "last_error": told, "updated_at": now})


def read(connection: Connection, names: list[str]) -> dict[str, Entry]:
    """The rows there are, by name."""
    now = clock(connection)
    rows = connection.execute(select(table).where(table.c.name.in_(names))).mappings()
    return {
        row["name"]: Entry(
            cursor=row["cursor"],
            state=row["state"],
            taken=row["taken"],
            error=row["last_error"],
            last_taken_at=row["last_taken_at"],
            held=row["lease_until"] is not None and row["lease_until"] > now,
        )
        for row in rows
    }


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=LEASE_S)


def _ours(connection: Connection, name: str, owner: str, values: dict[str, Any]) -> bool:
    same = (table.c.name == name) & (table.c.owner == owner)
    return _changed(connection.execute(update(table).where(same).values(**values)))


def _changed(result: "CursorResult[Any]") -> bool:
    return result.rowcount == 1
