"""Counts over time, as the watch keeps them: of whole topics, and by source and language."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Interval, and_, case, cast, func, literal, or_, select

from vigie_api.episodes.band import band
from vigie_api.episodes.schema import MOST_BUCKETS, RisingTerm, TrendBucket, TrendEpisode, TrendsOut, TrendsQuery
from vigie_api.episodes.table import episodes, mention_counts, watch_buckets, watch_topics
from vigie_api.episodes.taking import COUNTED_S
from vigie_api.episodes.words import Which, posts_between, rising_in, usual_before
from vigie_api.watch.counts import BUCKET_S

_STEPS: Final = dict(zip(("5m", "1h", "1d"), COUNTED_S, strict=True))
_DEFAULT: Final = timedelta(days=1)
_LATEST_S: Final = 253_402_300_799
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_MEMORY_S: Final = 4 * 3_600
"""For about so long a rate that wanders stays on one side of its mean: longer buckets even that out."""
_MOST_TERMS: Final = 20
_MOST_TEXTS: Final = 960
_MOST_EPISODES: Final = 500


@dataclass(frozen=True, slots=True)
class Period:
    """Whole buckets of `step_s` seconds, the first of them at `since`; the last may not be over."""

    since: datetime
    until: datetime
    step_s: int

    @property
    def buckets(self) -> int:
        """How many there are."""
        return int((self.until - self.since).total_seconds()) // self.step_s

    def number(self, at: datetime) -> int:
        """Which bucket a time is in."""
        return (at - self.since) // timedelta(seconds=self.step_s)

    def at(self, number: int) -> datetime:
        """Where a bucket begins."""
        return self.since + timedelta(seconds=number * self.step_s)


@dataclass(slots=True)
class _Sum:
    posts: int = 0
    negatives: int = 0
    expected: float | None = None
    spread: float = 0.0


def period_of(query: TrendsQuery, now: datetime) -> Period:
    """The period that is asked for, widened to whole buckets.

    One that would have too many of them begins later; one that ends before it begins is empty.
    """
    until = max(query.until or now, _EARLIEST)
    since = min(max(query.since or until - _DEFAULT, _EARLIEST - _DEFAULT), until)
    step_s = _STEPS[query.step] if query.step is not None else _step_for((until - since).total_seconds())
    last = int(-(-until.timestamp() // step_s))
    first = max(int(since.timestamp() // step_s), last - MOST_BUCKETS) if since < until else last
    return Period(_time(first * step_s), _time(min(last * step_s, _LATEST_S)), step_s)


def _step_for(length_s: float) -> int:
    """Five minutes up to two days, hours up to 40 days, days beyond."""
    if length_s <= 2 * 86_400:
        return BUCKET_S
    return 3_600 if length_s <= 40 * 86_400 else 86_400


def _time(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def read_trends(connection: Connection, query: TrendsQuery, now: datetime) -> TrendsOut:
    """The answer of GET /v1/trends."""
    period = period_of(query, now)
    which = Which(sorted(set(query.topic)), query.source, query.language)
    whole = query.source is None and query.language is None
    parts = buckets_of if whole else _buckets_of_parts
    return TrendsOut(
        step_s=period.step_s,
        since=period.since,
        until=period.until,
        buckets=parts(connection, which, period),
        episodes=_episodes(connection, which.topics, period),
        terms=_terms(connection, which, replace(period, until=min(period.until, now))),
    )


def buckets_of(connection: Connection, which: Which, period: Period) -> list[TrendBucket]:
    """The buckets of whole topics, with what is usual."""
    return _buckets(_of_topics(connection, which.topics, period), period)


def _buckets_of_parts(connection: Connection, which: Which, period: Period) -> list[TrendBucket]:
    return _buckets(_of_parts(connection, which, period), period)


def _buckets(sums: dict[int, _Sum], period: Period) -> list[TrendBucket]:
    numbers = range(period.buckets)
    found = [sums.get(number) or _Sum() for number in numbers]
    known = [one for one in found if one.expected is not None]
    bands = iter(band([one.expected or 0.0 for one in known], [one.spread for one in known]))
    buckets = []
    for number, one in zip(numbers, found, strict=True):
        low, high = next(bands) if one.expected is not None else (None, None)
        buckets.append(
            TrendBucket(
                at=period.at(number),
                posts=one.posts,
                negatives=one.negatives,
                share=one.negatives / one.posts if one.posts else None,
                expected=one.expected,
                low=low,
                high=high,
            )
        )
    return buckets


def _start(connection: Connection, at: ColumnElement[datetime], period: Period) -> ColumnElement[Any]:
    """What the times of a bucket have in common, as the database computes it quickly."""
    if connection.dialect.name != "sqlite":
        return func.date_bin(literal(timedelta(seconds=period.step_s), Interval()), at, literal(period.since))
    written = {BUCKET_S: 16, 3_600: 13, 86_400: 10}.get(period.step_s)  # 2026-03-02 14:05, … 14, 2026-03-02
    if written is not None:
        return func.substr(at, 1, written)
    return (cast(func.strftime("%s", at), BigInteger) - int(period.since.timestamp())) // period.step_s


def _of_topics(connection: Connection, topics: Sequence[str], period: Period) -> dict[int, _Sum]:
    buckets = watch_buckets.c
    chosen = topics or connection.scalars(select(watch_topics.c.topic)).all()
    expected = func.sum(buckets.expected)
    query = (
        select(
            func.min(buckets.at).label("at"),
            func.sum(buckets.posts).label("posts"),
            func.sum(buckets.negatives).label("negatives"),
            # Of a bucket that was not read yet nothing is expected: neither of what it is a part of.
            case((func.count() == func.count(buckets.expected), expected)).label("expected"),
            (func.sum(buckets.expected * buckets.spread) / func.nullif(expected, 0)).label("spread"),
            func.count(buckets.topic.distinct()).label("topics"),
        )
        .where(buckets.topic.in_(chosen), buckets.at >= period.since, buckets.at < period.until)
        .group_by(_start(connection, buckets.at, period))
    )
    found = {}
    for row in connection.execute(query):
        evened = row.topics * max(1.0, period.step_s / _MEMORY_S)
        sums = _Sum(row.posts, row.negatives, row.expected, (row.spread or 0.0) / evened)
        found[period.number(row.at)] = sums
    return found


def _of_parts(connection: Connection, which: Which, period: Period) -> dict[int, _Sum]:
    counts = mention_counts.c
    query = (
        select(counts.at, func.sum(counts.posts).label("posts"), func.sum(counts.negatives).label("negatives"))
        .where(counts.step_s == period.step_s, counts.at >= period.since, counts.at < period.until)
        .group_by(counts.at)
    )
    if which.source is not None:
        query = query.where(counts.source == which.source)
    if which.language is not None:
        query = query.where(counts.language == which.language)
    if which.topics:
        query = query.where(counts.topic.in_(which.topics))
    return {period.number(row.at): _Sum(row.posts, row.negatives) for row in connection.execute(query)}


def _episodes(connection: Connection, topics: Sequence[str], period: Period) -> list[TrendEpisode]:
    known: Any = episodes.c
    columns = [known[name] for name in TrendEpisode.model_fields]
    going_on = or_(known.closed_at.is_(None), known.closed_at >= period.since)
    query = (
        select(*columns)
        .where(and_(known.onset_at < period.until, going_on))
        .order_by(known.opened_at.desc())
        .limit(_MOST_EPISODES)
    )
    if topics:
        query = query.where(known.topic.in_(topics))
    return [TrendEpisode(**row) for row in connection.execute(query).mappings()][::-1]


def _terms(connection: Connection, which: Which, period: Period) -> list[RisingTerm]:
    if period.until <= period.since:
        return []
    texts = [post.text for post in posts_between(connection, which, period.since, period.until, _MOST_TEXTS)]
    if not texts:
        return []
    usual = usual_before(connection, which, period.since, _MOST_TEXTS)
    return [RisingTerm(**asdict(found)) for found in rising_in(texts, usual, _MOST_TERMS)]
