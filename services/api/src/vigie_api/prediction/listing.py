"""Reading predictions: filters, cursor pages, and an export of any size in constant memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Select, select

from vigie_api.database.engine import Database
from vigie_api.prediction.listing_schema import PredictionRecord
from vigie_api.prediction.table import predictions

_EXPORT_PAGE: Final = 1_000
_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_DIGITS = {1: "", 16: "0", 256: "00", 4_096: "000", 65_536: "0000"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which predictions: `since` inclusive, `until` exclusive; one in `sample`; `after` is where a page starts."""

    since: datetime | None = None
    until: datetime | None = None
    model_version: str | None = None
    topic: str | None = None
    sample: int = 1
    after: tuple[datetime, str] | None = None


def encode_cursor(at: datetime, prediction_id: str) -> str:
    """The cursor of the page that follows this prediction."""
    return f"p{(at - _EPOCH) // _TICK}.{prediction_id}"


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """The time and the id in a cursor that matches `listing_schema.PREDICTIONS_CURSOR`."""
    ticks, _, prediction_id = cursor.removeprefix("p").partition(".")
    return _EPOCH + int(ticks) * _TICK, prediction_id


def _query(filters: Filters, limit: int) -> Select[tuple[object, ...]]:
    query: Select[tuple[object, ...]] = (
        select(predictions).order_by(predictions.c.created_at.desc(), predictions.c.id.desc()).limit(limit)
    )
    if filters.since is not None:
        query = query.where(predictions.c.created_at >= filters.since)
    if filters.until is not None:
        query = query.where(predictions.c.created_at < filters.until)
    if filters.model_version is not None:
        query = query.where(predictions.c.model_version == filters.model_version)
    if filters.topic is not None:
        query = query.where(predictions.c.topic == filters.topic)
    if filters.sample > 1:  # an id ends in random digits, so those that end in zeros are a fair sample
        query = query.where(predictions.c.id.like("%" + _DIGITS[filters.sample]))
    if filters.after is not None:
        at, prediction_id = filters.after
        # The first condition is what the index on the time can use.
        query = query.where(predictions.c.created_at <= at).where(
            (predictions.c.created_at < at) | (predictions.c.id < prediction_id)
        )
    return query


def _page(
    connection: Connection, filters: Filters, limit: int
) -> tuple[list[PredictionRecord], tuple[datetime, str] | None]:
    rows = connection.execute(_query(filters, limit + 1)).mappings().all()
    found = [PredictionRecord(**row) for row in rows[:limit]]
    return found, (found[-1].created_at, found[-1].id) if len(rows) > limit else None


async def read_page(
    database: Database, filters: Filters, limit: int
) -> tuple[list[PredictionRecord], tuple[datetime, str] | None]:
    """One page, newest first, and the `after` of the next one (None: this was the last). Raises DatabaseAway."""
    return await database.read(_page, filters, limit)


async def export(database: Database, filters: Filters) -> AsyncIterator[bytes]:
    """Every match as NDJSON, newest first, a page at a time; each page is a query of its own.

    The first page is read before this returns, so that a database that is away is a 503 and no broken stream.
    """
    first, following = await read_page(database, filters, _EXPORT_PAGE)

    async def lines() -> AsyncIterator[bytes]:
        found, after = first, following
        while True:
            yield b"".join(row.__pydantic_serializer__.to_json(row) + b"\n" for row in found)
            if after is None:
                return
            found, after = await read_page(database, replace(filters, after=after), _EXPORT_PAGE)

    return lines()
