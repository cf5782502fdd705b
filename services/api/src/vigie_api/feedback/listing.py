"""Reading feedback: filters, cursor pages, and an export of any size in constant memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from vigie_api.database.engine import Database
from vigie_api.feedback.schema import FeedbackOut, Verdict
from vigie_api.feedback.table import feedback, implied
from vigie_api.prediction.table import predictions

_EXPORT_PAGE = 500
_CURSOR = "f"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which verdicts: `since` inclusive, `until` exclusive (receipt time); `before` is where a page starts."""

    verdict: Verdict | None = None
    since: datetime | None = None
    until: datetime | None = None
    model_version: str | None = None
    before: int | None = None


def encode_cursor(seq: int) -> str:
    """The cursor of the page that follows `seq`."""
    return f"{_CURSOR}{seq}"


def decode_cursor(cursor: str) -> int:
    """The `seq` in a cursor that matches `schema.CURSOR_PATTERN`."""
    return int(cursor.removeprefix(_CURSOR))


_sentiment = func.coalesce(predictions.c.sentiment, feedback.c.sentiment)
_version = func.coalesce(predictions.c.model_version, feedback.c.model_version)


def _query(filters: Filters, limit: int) -> Select[tuple[object, ...]]:
    query: Select[tuple[object, ...]] = (
        select(
            feedback.c.seq,
            feedback.c.id,
            feedback.c.prediction_id,
            feedback.c.verdict,
            feedback.c.correction,
            feedback.c.received_at,
            feedback.c.comment,
            func.coalesce(predictions.c.text, feedback.c.text).label("text"),
            _sentiment.label("sentiment"),
            _version.label("model_version"),
            predictions.c.score,
        )
        .select_from(feedback.outerjoin(predictions, predictions.c.id == feedback.c.prediction_id))
        .where(feedback.c.current)
        .order_by(feedback.c.seq.desc())
        .limit(limit)
    )
    if filters.verdict is not None:
        query = query.where(feedback.c.verdict == filters.verdict)
    if filters.since is not None:
        query = query.where(feedback.c.received_at >= filters.since)
    if filters.until is not None:
        query = query.where(feedback.c.received_at < filters.until)
    if filters.model_version is not None:
        query = query.where(_version == filters.model_version)
    if filters.before is not None:
        query = query.where(feedback.c.seq < filters.before)
    return query


def _page(connection: Connection, filters: Filters, limit: int) -> tuple[list[FeedbackOut], int | None]:
    rows = connection.execute(_query(filters, limit + 1)).mappings().all()
    page = rows[:limit]
    following = page[-1]["seq"] if len(rows) > limit else None
    found = [
        FeedbackOut(
            **{name: value for name, value in row.items() if name not in ("seq", "correction")},
            # The prediction may have been written after the verdict on it.
            correction=implied(row["verdict"], row["correction"], row["sentiment"]),
        )
        for row in page
    ]
    return found, following


async def read_page(database: Database, filters: Filters, limit: int) -> tuple[list[FeedbackOut], int | None]:
    """One page, newest first, and the `before` of the next one (None: this was the last). Raises DatabaseAway."""
    return await database.read(_page, filters, limit)


async def export(database: Database, filters: Filters) -> AsyncIterator[bytes]:
    """Every verdict as NDJSON, newest first, a few hundred lines at a time.

    The first page is read before this returns, so that a database that is away is a 503 and no broken stream. Each page
    is a query of its own: a slow reader keeps no transaction open.
    """
    first, following = await read_page(database, filters, _EXPORT_PAGE)

    async def lines() -> AsyncIterator[bytes]:
        found, before = first, following
        while True:
            yield b"".join(row.__pydantic_serializer__.to_json(row) + b"\n" for row in found)
            if before is None:
                return
            found, before = await read_page(database, replace(filters, before=before), _EXPORT_PAGE)

    return lines()
