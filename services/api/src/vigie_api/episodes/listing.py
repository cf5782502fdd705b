"""Reading episodes: pages, and one with its posts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from vigie_api.episodes.missing import NoSuchEpisode
from vigie_api.episodes.schema import EpisodeDetail, EpisodeOut, EpisodePage, EpisodePost, SeverityName
from vigie_api.episodes.table import episodes
from vigie_api.mentions.listing import by_id

_CURSOR = "e"


Place = tuple[datetime, str]
"""Where a page starts: opening and id of the last episode before it."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which episodes: `since` inclusive, `until` exclusive (opening)."""

    topic: str | None = None
    state: Literal["open", "closed"] | None = None
    severity: SeverityName | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: Place | None = None


def encode_cursor(place: Place) -> str:
    """The cursor of the page that follows `place`. Episodes open at the end of a bucket: on a whole second."""
    return f"{_CURSOR}{int(place[0].timestamp())}.{place[1]}"


def decode_cursor(cursor: str) -> Place:
    """The place in a cursor that matches `schema.CURSOR_PATTERN`; one beyond all times is the last of them."""
    at, _, episode_id = cursor.removeprefix(_CURSOR).partition(".")
    return datetime.fromtimestamp(min(int(at), 253_402_300_799), UTC), episode_id


def read_page(connection: Connection, filters: Filters, limit: int) -> EpisodePage:
    """One page, the last opened first."""
    query = select(episodes).order_by(episodes.c.opened_at.desc(), episodes.c.id.desc()).limit(limit + 1)
    is_open = episodes.c.state != "closed"
    if filters.topic is not None:
        query = query.where(episodes.c.topic == filters.topic)
    if filters.state is not None:
        query = query.where(is_open if filters.state == "open" else episodes.c.state == "closed")
    if filters.severity is not None:
        query = query.where(episodes.c.severity == filters.severity)
    if filters.since is not None:
        query = query.where(episodes.c.opened_at >= filters.since)
    if filters.until is not None:
        query = query.where(episodes.c.opened_at < filters.until)
    if filters.before is not None:
        at, episode_id = filters.before
        same = and_(episodes.c.opened_at == at, episodes.c.id < episode_id)
        query = query.where(episodes.c.opened_at <= at, or_(episodes.c.opened_at < at, same))
    rows = connection.execute(query).mappings().all()
    page = rows[:limit]
    number = connection.scalar(select(func.count()).select_from(episodes).where(is_open)) or 0
    return EpisodePage(
        episodes=[EpisodeOut(**as_told(row)) for row in page],
        open=number,
        next_cursor=encode_cursor((page[-1]["opened_at"], page[-1]["id"])) if len(rows) > limit else None,
    )


def read_one(connection: Connection, episode_id: str) -> EpisodeDetail:
    """One episode with its posts. Raises NoSuchEpisode."""
    row = find(connection, episode_id)
    chosen: Mapping[str, Sequence[str]] = row["post_ids"]
    first, telling = chosen["first"], chosen["representative"]
    posts = by_id(connection, {*first, *telling}, EpisodePost)
    return EpisodeDetail(
        **as_told(row),
        posts_first=[posts[known] for known in first if known in posts],
        posts_representative=[posts[known] for known in telling if known in posts],
    )


def find(connection: Connection, episode_id: str) -> RowMapping:
    """The row of an episode. Raises NoSuchEpisode."""
    row = connection.execute(select(episodes).where(episodes.c.id == episode_id)).mappings().first()
    if row is None:
        raise NoSuchEpisode
    return row


def as_told(row: RowMapping) -> dict[str, Any]:
    """The fields of EpisodeOut, of a row."""
    fields = {name: row[name] for name in EpisodeOut.model_fields if name in row}
    return fields | {
        "ratio": row["negatives"] / row["expected"] if row["expected"] > 0 else None,
        "share": row["negatives"] / row["posts"] if row["posts"] else None,
        "past": row["alert_id"] is None,
    }
