"""Reading mentions: filters and cursor pages, in a time that does not grow with the table.

A page is found in two steps. The first walks an index from the newest on, over no more than LOOKED_AT mentions, and
keeps those that match; the second reads what is known of the few that were kept.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import BaseModel
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, case, func, literal, select, tuple_

from vigie_api.database.engine import Database
from vigie_api.database.schema import UtcDateTime
from vigie_api.episodes.missing import NoSuchEpisode
from vigie_api.episodes.table import episodes
from vigie_api.feedback.table import feedback, implied
from vigie_api.mentions.listing_schema import MentionOut
from vigie_api.mentions.table import mentions
from vigie_api.prediction.schema import Language, Sentiment
from vigie_api.prediction.table import predictions

T = TypeVar("T", bound=BaseModel)
LOOKED_AT: Final = 50_000
_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
Place = tuple[datetime, int]
"""Where a page ends: the time and the seq of a mention."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which mentions: `since` inclusive, `until` exclusive (time of posting); `after` is where a page starts."""

    topic: str | None = None
    source: str | None = None
    language: Language | None = None
    sentiment: Sentiment | None = None
    since: datetime | None = None
    until: datetime | None = None
    episode: str | None = None
    counted: bool | None = None
    after: Place | None = None


def encode_cursor(place: Place) -> str:
    """The cursor of the page that follows this place."""
    at, seq = place
    return f"m{(at - _EPOCH) // _TICK}.{seq}"


def decode_cursor(cursor: str) -> Place:
    """The place in a cursor that matches `listing_schema.MENTIONS_CURSOR`."""
    ticks, _, seq = cursor.removeprefix("m").partition(".")
    try:
        return _EPOCH + int(ticks) * _TICK, int(seq)
    except OverflowError:  # no cursor of ours
        return _EPOCH, 0


_confidence = case((predictions.c.score >= 0.5, predictions.c.score), else_=1.0 - predictions.c.score)
_OUT: Final[tuple[ColumnElement[Any], ...]] = (
    *(
        mentions.c[name]
        for name in (
            *("id", "source", "external_id", "topic", "created_at", "received_at", "url", "reach"),
            *("sentiment", "language", "counted"),
        )
    ),
    func.nullif(func.coalesce(predictions.c.text, mentions.c.text), "").label("text"),
    predictions.c.score,
    _confidence.label("confidence"),
    predictions.c.uncertain,
    predictions.c.model_version,
    feedback.c.verdict,
    feedback.c.correction,
)
_FROM: Final = mentions.outerjoin(predictions, predictions.c.id == mentions.c.id).outerjoin(
    feedback, (feedback.c.prediction_id == mentions.c.id) & feedback.c.current
)


def by_id(connection: Connection, ids: Collection[str], kind: type[T]) -> dict[str, T]:
    """What is known of a few mentions, as a model with the fields of MentionOut; those that are gone are left out."""
    found = {}
    query = select(*_OUT).select_from(_FROM).where(mentions.c.id.in_(sorted(ids)))
    for row in connection.execute(query).mappings():
        values = dict(row)
        if values["verdict"] is not None:
            values["correction"] = implied(values["verdict"], values["correction"], values["sentiment"])
        found[values["id"]] = kind(**values)
    return found


def _walk(filters: Filters) -> Select[Any]:
    """The mentions in the range that an index gives, newest first."""
    at, seq = mentions.c.created_at, mentions.c.seq
    query = select(mentions).order_by(at.desc(), seq.desc())
    if filters.topic is not None:
        query = query.where(mentions.c.topic == filters.topic)
    if filters.since is not None:
        query = query.where(at >= filters.since)
    if filters.until is not None:
        query = query.where(at < filters.until)
    if filters.after is not None:
        last = tuple_(literal(filters.after[0], UtcDateTime()), literal(filters.after[1], BigInteger()))
        query = query.where(tuple_(at, seq) < last)
    return query


def _page(connection: Connection, filters: Filters, limit: int) -> tuple[list[MentionOut], Place | None]:
    filters = _of_episode(connection, filters)
    walked = _walk(filters).limit(LOOKED_AT).subquery()
    # Both databases give what they keep in the order of the walk, and stop walking when they have enough.
    query = select(walked.c.created_at, walked.c.seq, walked.c.id).limit(limit + 1)
    for name in ("source", "language", "sentiment", "counted"):
        wanted = getattr(filters, name)
        if wanted is not None:
            query = query.where(walked.c[name] == wanted)
    kept = connection.execute(query).all()
    if len(kept) > limit:
        kept = kept[:limit]
        following: Place | None = (kept[-1].created_at, kept[-1].seq)
    else:
        last = _walk(filters).with_only_columns(mentions.c.created_at, mentions.c.seq).offset(LOOKED_AT - 1).limit(1)
        end = connection.execute(last).first()
        following = None if end is None else (end.created_at, end.seq)
    found = by_id(connection, [row.id for row in kept], MentionOut)
    return [found[row.id] for row in kept if row.id in found], following


def _of_episode(connection: Connection, filters: Filters) -> Filters:
    if filters.episode is None:
        return filters
    columns = (episodes.c.topic, episodes.c.onset_at, episodes.c.closed_at)
    episode = connection.execute(select(*columns).where(episodes.c.id == filters.episode)).first()
    if episode is None:
        raise NoSuchEpisode
    since, until = filters.since, filters.until
    return Filters(
        topic=episode.topic if filters.topic in (None, episode.topic) else "",  # no topic is called that
        source=filters.source,
        language=filters.language,
        sentiment=filters.sentiment,
        since=episode.onset_at if since is None else max(since, episode.onset_at),
        until=until if episode.closed_at is None else min(until or episode.closed_at, episode.closed_at),
        counted=filters.counted,
        after=filters.after,
    )


async def read_page(database: Database, filters: Filters, limit: int) -> tuple[list[MentionOut], Place | None]:
    """One page, newest first, and the `after` of the next one (None: this was the last).

    Raises NoSuchEpisode, DatabaseAway.
    """
    return await database.read(_page, filters, limit)
