"""The trail of promotions and rollbacks: who moved the champion, when, from what to what, and why.

A move is told twice: in the tags of the version in the registry, before the alias moves, and in the database, after.
What was moved while the database was away, or by the command line, is in the tags alone; it is brought over at the next
look at the registry. A version keeps the tags of its latest move only, so that look comes every minute.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from vigie_api.champion.moves_table import alias_moves
from vigie_api.champion.registry import Registry
from vigie_api.champion.schema import MoveOut
from vigie_api.champion.serving import Release
from vigie_api.database.engine import Database
from vigie_api.problem import Problem

_log = logging.getLogger("vigie_api.champion")
_CURSOR = "m"
_LOOK_EVERY_S = 60.0
_WAIT_S = 2.0
AT, BY, REASON = "vigie.promoted_at", "vigie.promoted_by", "vigie.promoted_reason"
ACTION, PREVIOUS_TAG = "vigie.promoted_action", "vigie.promoted_previous"
_NOBODY = "none"
_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
Action = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True)
class Move:
    """The champion alias went from `previous` to `version`. Its tags give `at` in UTC, to the microsecond."""

    at: datetime
    action: Action
    version: str
    recipe: str
    previous: str | None
    by: str
    reason: str

    def tags(self) -> dict[str, str]:
        """What is written on the version."""
        return {
            BY: self.by,
            REASON: self.reason,
            ACTION: self.action,
            PREVIOUS_TAG: self.previous or _NOBODY,
            # Last: a look that comes in between must not take the new time with the old words.
            AT: self.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }


def read_tags(release: Release, tags: Mapping[str, str]) -> Move | None:
    """The latest move to a version, as its tags tell it; None when there was none. What is missing is not made up."""
    try:
        at = datetime.fromisoformat(tags[AT])
    except (KeyError, ValueError):
        return None
    if at.tzinfo is None:
        return None
    previous = tags.get(PREVIOUS_TAG, _NOBODY)
    return Move(
        at=at.astimezone(UTC),
        action="rollback" if tags.get(ACTION) == "rollback" else "promote",
        version=release.version,
        recipe=release.recipe[:64],
        previous=previous if previous.isdigit() else None,
        by=tags.get(BY, "unknown")[:200],
        reason=tags.get(REASON, ""),
    )


def encode_cursor(at: datetime, seq: int) -> str:
    """The cursor of the page that follows this move."""
    return f"{_CURSOR}{(at - _EPOCH) // _TICK}-{seq}"


def decode_cursor(cursor: str) -> tuple[datetime, int]:
    """The time and the `seq` in a cursor that matches `schema.MOVES_CURSOR`."""
    ticks, seq = cursor.removeprefix(_CURSOR).split("-")
    return _EPOCH + int(ticks) * _TICK, int(seq)


class MoveTrail:
    """Writes and reads the trail. A database or a registry that is away hinders no promotion."""

    def __init__(self, registry: Registry, database: Database) -> None:
        self._registry = registry
        self._database = database
        self._looking: asyncio.Task[None] | None = None
        self.trouble: str | None = None

    async def keep(self, move: Move) -> None:
        """Write a move that was made. Never raises: its tags keep it until the database is there."""
        try:
            await self._database.write(keep_moves, (move,))
        except Exception:
            _log.exception("a move of the champion is in the registry's tags alone for now", extra={"to": move.version})

    async def look(self) -> None:
        """Bring over what the registry's tags tell and the database does not know. Never raises."""
        try:
            known = await asyncio.to_thread(self._registry.tags)
            moves = [move for release, tags in known if (move := read_tags(release, tags)) is not None]
            await self._database.write(keep_moves, moves)
        except Problem as problem:
            self.trouble = problem.detail
        except Exception as error:
            _log.exception("the trail of promotions could not be brought up to date")
            self.trouble = f"The registry could not be read: {type(error).__name__}, see the log."
        else:
            self.trouble = None

    async def page(self, limit: int, cursor: str | None) -> tuple[list[MoveOut], str | None]:
        """The latest moves first, and the cursor of the next page. Raises DatabaseAway.

        The first page looks at the registry, for two seconds at most; a slow look goes on behind the answer.
        """
        if cursor is None:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self.look())
            await asyncio.wait([self._looking], timeout=_WAIT_S)
        return await self._database.read(_page, limit, None if cursor is None else decode_cursor(cursor))

    async def run(self) -> None:
        """Look every minute, for ever."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.look()

    async def close(self) -> None:
        """Wait for a look that goes on."""
        if self._looking is not None:
            await self._looking


def keep_moves(connection: Connection, moves: Sequence[Move]) -> None:
    """Write moves; one to the same version at the same time is there already."""
    if not moves:
        return
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    rows = [{name: getattr(move, name) for name in Move.__slots__} for move in sorted(moves, key=lambda move: move.at)]
    connection.execute(insert(alias_moves).on_conflict_do_nothing(index_elements=["version", "at"]), rows)


def _page(connection: Connection, limit: int, after: tuple[datetime, int] | None) -> tuple[list[MoveOut], str | None]:
    query = select(alias_moves).order_by(alias_moves.c.at.desc(), alias_moves.c.seq.desc()).limit(limit + 1)
    if after is not None:
        at, seq = after
        query = query.where((alias_moves.c.at < at) | ((alias_moves.c.at == at) & (alias_moves.c.seq < seq)))
    rows = connection.execute(query).mappings().all()
    found = [MoveOut(**{name: row[name] for name in Move.__slots__}) for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    return found, None if last is None else encode_cursor(last["at"], last["seq"])
