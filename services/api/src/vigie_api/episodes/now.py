"""How every topic is doing now."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, case, func, select

from vigie_api.episodes.schema import LastHour, TopicNow, TopicsOut
from vigie_api.episodes.table import episodes, watch_buckets, watch_topics

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_ORDER: Final = {"critical": 0, "serious": 1, "watch": 2, "learning": 3, "calm": 3}


def read_topics(connection: Connection, now: datetime) -> TopicsOut:
    """Every topic, worst first, then the one with most negative posts in 24 hours."""
    known: Any = watch_topics.c
    rows = connection.execute(select(known.topic, known.learning, known.sources, known.last_post_at)).mappings().all()
    counts = {row["topic"]: row for row in _counts(connection, [row["topic"] for row in rows], now)}
    surges = {
        row.topic: row
        for row in connection.execute(
            select(episodes.c.topic, episodes.c.id, episodes.c.severity).where(episodes.c.state != "closed")
        )
    }
    topics = []
    for row in rows:
        count, surge = counts.get(row["topic"]), surges.get(row["topic"])
        calm = "learning" if row["learning"] else "calm"
        topics.append(
            TopicNow(
                topic=row["topic"],
                state=calm if surge is None else surge.severity,
                episode_id=None if surge is None else surge.id,
                posts_24h=0 if count is None else count["posts"],
                negatives_24h=0 if count is None else count["negatives"],
                share_24h=count["negatives"] / count["posts"] if count is not None and count["posts"] else None,
                last_hour=_last_hour(count, known=not row["learning"]),
                last_post_at=row["last_post_at"],
                sources=sorted(row["sources"]),
            )
        )
    topics.sort(key=lambda topic: (_ORDER[topic.state], -topic.negatives_24h, -topic.posts_24h, topic.topic))
    return TopicsOut(topics=topics, at=now)


def _last_hour(count: RowMapping | None, *, known: bool) -> LastHour:
    if count is None:
        return LastHour(posts=0, negatives=0, expected=None)
    return LastHour(
        posts=count["hour_posts"],
        negatives=count["hour_negatives"],
        expected=count["hour_expected"] if known else None,
    )


def _counts(connection: Connection, topics: list[str], now: datetime) -> list[RowMapping]:
    buckets: Any = watch_buckets.c
    lately = buckets.at >= now - _HOUR
    query = (
        select(
            buckets.topic,
            func.sum(buckets.posts).label("posts"),
            func.sum(buckets.negatives).label("negatives"),
            func.sum(case((lately, buckets.posts), else_=0)).label("hour_posts"),
            func.sum(case((lately, buckets.negatives), else_=0)).label("hour_negatives"),
            func.sum(case((lately, buckets.expected))).label("hour_expected"),
        )
        .where(buckets.topic.in_(topics), buckets.at >= now - _DAY, buckets.at <= now)
        .group_by(buckets.topic)
    )
    return list(connection.execute(query).mappings())
