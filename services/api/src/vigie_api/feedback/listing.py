"""Reading feedback: filters, and cursor pages. Each page is a query of its own: a slow reader keeps none open."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select

from vigie_api.database.engine import Database
from vigie_api.database.schema import utc_text
from vigie_api.feedback.schema import FeedbackOut, Verdict
from vigie_api.feedback.table import feedback
from vigie_api.prediction.schema import Language, Sentiment
from vigie_api.prediction.table import predictions

_CURSOR = "f"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which verdicts: `since` inclusive, `until` exclusive (receipt time); `before` is where a page starts."""

    verdict: Verdict | None = None
    since: datetime | None = None
    until: datetime | None = None
    model_version: str | None = None
    language: Language | None = None
    given_by: str | None = None
    correction: Sentiment | None = None
    topic: str | None = None
    before: int | None = None


def encode_cursor(seq: int) -> str:
    """The cursor of the page that follows `seq`."""
    return f"{_CURSOR}{seq}"


def decode_cursor(cursor: str) -> int:
    """The `seq` in a cursor that matches `schema.CURSOR_PATTERN`."""
    return int(cursor.removeprefix(_CURSOR))


_sentiment = func.coalesce(predictions.c.sentiment, feedback.c.sentiment)
_version = func.coalesce(predictions.c.model_version, feedback.c.model_version)
_topic = func.coalesce(predictions.c.topic, feedback.c.topic)
_opposite = case((_sentiment == "positive", "negative"), (_sentiment == "negative", "positive"))
# What `implied` says, in the database: a page's limit counts what is left.
_correction = case(
    (_sentiment.is_(None), feedback.c.correction), (feedback.c.verdict == "correct", _sentiment), else_=_opposite
)
# In the order of FeedbackOut's fields, which is that of an export's JSON.
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "id": feedback.c.id,
    "prediction_id": feedback.c.prediction_id,
    "verdict": feedback.c.verdict,
    "correction": _correction,
    "received_at": feedback.c.received_at,
    "text": func.coalesce(func.nullif(predictions.c.text, ""), feedback.c.text),  # blank: it was anonymised
    "sentiment": _sentiment,
    "score": predictions.c.score,
    "language": predictions.c.language,
    "model_version": _version,
    "topic": _topic,
    "predicted_at": predictions.c.created_at,
    "given_by": feedback.c.given_by,
    "comment": feedback.c.comment,
}
FIELDS = tuple(_COLUMNS)


def _query(filters: Filters, limit: int, columns: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    query: Select[Any] = (
        select(feedback.c.seq, *(column.label(name) for name, column in columns.items()))
        .select_from(feedback.outerjoin(predictions, predictions.c.id == feedback.c.prediction_id))
        .where(feedback.c.current)
        .order_by(feedback.c.seq.desc())
        .limit(limit)
    )
    if filters.since is not None:
        query = query.where(feedback.c.received_at >= filters.since)
    if filters.until is not None:
        query = query.where(feedback.c.received_at < filters.until)
    if filters.before is not None:
        query = query.where(feedback.c.seq < filters.before)
    for column, value in (
        (feedback.c.verdict, filters.verdict),
        (feedback.c.given_by, filters.given_by),
        (_version, filters.model_version),
        (predictions.c.language, filters.language),
        (_correction, filters.correction),
        (_topic, filters.topic),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def _rows(
    connection: Connection, filters: Filters, limit: int, columns: Mapping[str, ColumnElement[Any]] = _COLUMNS
) -> tuple[Sequence[Row[Any]], int | None]:
    rows = connection.execute(_query(filters, limit + 1, columns)).all()
    return rows[:limit], rows[limit - 1].seq if len(rows) > limit else None


def _as_feedback(row: Row[Any]) -> FeedbackOut:
    return FeedbackOut(**dict(zip(FIELDS, row[1:], strict=True)))


async def read_page(database: Database, filters: Filters, limit: int) -> tuple[list[FeedbackOut], int | None]:
    """One page, newest first, and the `before` of the next one (None: this was the last). Raises DatabaseAway."""
    rows, following = await database.read(_rows, filters, limit)
    return [_as_feedback(row) for row in rows], following


async def read_newest(database: Database, filters: Filters, limit: int) -> Sequence[Row[Any]]:
    """The newest matches, as rows with the fields of FeedbackOut. Raises DatabaseAway."""
    rows, _ = await database.read(_rows, filters, limit)
    return rows


Page: TypeAlias = Sequence[tuple[Any, ...]]
"""Rows of `seq` and then FIELDS."""


async def read_pages(
    database: Database, filters: Filters, limit: int, write: Callable[[Page], bytes]
) -> AsyncIterator[bytes]:
    """Every match, newest first, as `write` makes bytes of a page at a time: in a thread, so that it holds up nobody.

    The database writes out the times, as RFC 3339: parsing thousands to write them again is dear. Raises DatabaseAway,
    between two pages too.
    """
    before = filters.before
    while True:
        content, before = await database.read(_written, replace(filters, before=before), limit, write)
        yield content
        if before is None:
            return


_WRITTEN = _COLUMNS | {name: utc_text(_COLUMNS[name]) for name in ("received_at", "predicted_at")}


def _written(
    connection: Connection, filters: Filters, limit: int, write: Callable[[Page], bytes]
) -> tuple[bytes, int | None]:
    rows, following = _rows(connection, filters, limit, _WRITTEN)
    return write(rows), following
