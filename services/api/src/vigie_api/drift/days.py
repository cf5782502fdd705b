"""The profile of each day, counted on while the day lasts and counted once more, whole, when it is over."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vigie_api.database.engine import Database
from vigie_api.drift.counting import count_between
from vigie_api.drift.profile import Profile, profile_from_json
from vigie_api.drift.table import drift_days
from vigie_api.prediction.table import predictions

DAYS_AT_MOST = 90
_SLICE = timedelta(hours=1)
_REST = 2.0
_LATE = timedelta(seconds=10)  # a prediction is written a moment after its answer
_SETTLED = timedelta(hours=1)  # or as late as this, when the database was away


@dataclass(frozen=True, slots=True)
class Day:
    """A day as far as it is counted."""

    day: date
    counted_to: datetime
    closed: bool
    profiles: Mapping[str, Profile]


def start_of(day: date) -> datetime:
    """Midnight, UTC."""
    return datetime.combine(day, time(), UTC)


class Days:
    """Keeps the table. Several processes may count at once: of those that count the same, one writes.

    `rest` waits for so many seconds: after each slice, for twice the time that it took. A start that finds weeks to
    count would else slow every answer meanwhile.
    """

    def __init__(self, database: Database, rest: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._database = database
        self._rest = rest

    async def read(self, since: date) -> list[Day]:
        """The days from `since` on that were counted, in order. Raises DatabaseAway."""
        return await self._database.read(_read, since)

    async def count(self, now: datetime, vocabularies: Mapping[str, frozenset[str]]) -> None:
        """Bring every day up to now. Raises DatabaseAway."""
        today = now.astimezone(UTC).date()
        first = await self._database.read(_first_day, today - timedelta(days=DAYS_AT_MOST - 1))
        if first is None:
            return
        known = {day.day: day for day in await self.read(first)}
        for back in range((today - first).days, -1, -1):
            day = today - timedelta(days=back)
            found = known.get(day)
            if found is None or not found.closed:
                await self._count_day(day, found, now, vocabularies)

    async def _count_day(
        self, day: date, found: Day | None, now: datetime, vocabularies: Mapping[str, frozenset[str]]
    ) -> None:
        end = start_of(day) + timedelta(days=1)
        closing = now >= end + _SETTLED
        since = start_of(day) if found is None or closing else found.counted_to
        until = min(end, now - _LATE)
        if until <= since:
            return
        total = {} if found is None or closing else dict(found.profiles)
        at = since
        while at < until:
            then = min(at + _SLICE, until)
            started_s = perf_counter()
            for name, profile in (await self._database.read(count_between, at, then, vocabularies)).items():
                total.setdefault(name, Profile()).add(profile)
            at = then
            if at < until:
                await self._rest(_REST * (perf_counter() - started_s))
        await self._database.write(_write, found, Day(day, until, closing, total))


def _first_day(connection: Connection, since: date) -> date | None:
    query = select(func.min(predictions.c.created_at)).where(predictions.c.created_at >= start_of(since))
    first = connection.scalar(query)
    return None if first is None else first.date()


def _read(connection: Connection, since: date) -> list[Day]:
    query = select(drift_days).where(drift_days.c.day >= since).order_by(drift_days.c.day)
    return [Day(row.day, row.counted_to, row.closed, _profiles(row.profile)) for row in connection.execute(query).all()]


def _profiles(document: str) -> dict[str, Profile]:
    return {name: profile_from_json(found) for name, found in json.loads(document).items()}


def _write(connection: Connection, before: Day | None, after: Day) -> None:
    """Only when nobody counted on from `before` meanwhile."""
    profile = json.dumps({name: found.to_json() for name, found in sorted(after.profiles.items())})
    values = {"counted_to": after.counted_to, "closed": after.closed, "profile": profile}
    if before is None:
        add: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(add(drift_days).values(day=after.day, **values).on_conflict_do_nothing())
        return
    unchanged = (
        (drift_days.c.day == before.day)
        & (drift_days.c.counted_to == before.counted_to)
        & drift_days.c.closed.is_(False)
    )
    connection.execute(update(drift_days).where(unchanged).values(**values))
