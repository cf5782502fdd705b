"""Writes the episodes: what each step did to them, their numbers, words and posts, and the alerts about them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Float, cast, func, insert, select, update

from vigie_api.alerts.book import AlertBook
from vigie_api.episodes.choosing import first_posts, telling_posts
from vigie_api.episodes.memory import Watched
from vigie_api.episodes.table import episodes, watch_buckets
from vigie_api.episodes.taking import begins
from vigie_api.episodes.words import Which, posts_between, rising_in, usual_before
from vigie_api.mentions.table import mentions
from vigie_api.prediction.ids import IdSource
from vigie_api.watch.counts import PER_HOUR
from vigie_api.watch.episodes import Episode, Step
from vigie_api.watch.terms import Rising, Usual
from vigie_api.watch.topic import Read

FRESH: Final = timedelta(hours=3)
"""What was found later than this after the fact is kept, and nobody is mailed: it is history."""
_COOLING: Final = PER_HOUR
_MOST_TERMS: Final = 8
_TERMS_TOLD: Final = 5
_MOST_POSTS: Final = 1_440


class Turn(NamedTuple):
    """What a bucket did to an episode, as the episode was then."""

    step: Step
    bucket: int
    episode: Episode


def turns_of(read: Read) -> list[Turn]:
    """What is to be written of a bucket that was read; a copy, for the episode goes on changing."""
    if read.step is None or read.episode is None:
        return []
    return [Turn(read.step, read.reading.bucket, replace(read.episode))]


class Chronicle:
    """Keeps the table of episodes in step with the topics. What is usual is read once for each open episode."""

    def __init__(self, book: AlertBook) -> None:
        self._book = book
        self._usual: dict[str, Usual] = {}

    def forget(self) -> None:
        """Let go of what is remembered."""
        self._usual.clear()

    def write(self, connection: Connection, watched: Watched, turns: Sequence[Turn], last: int, now: datetime) -> None:
        """Write what happened until the bucket `last` was read. The buckets' expectations are stored already."""
        opened_now = False
        for turn in turns:
            if turn.step is Step.OPENED:
                self._open(connection, watched, turn, now)
                opened_now = True
            elif turn.step is Step.ESCALATED:
                self._escalate(connection, watched, turn, now, tell=not opened_now)
            else:
                self._refresh(connection, watched, turn.episode, turn.bucket, now)
                self._usual.pop(watched.episode_id or "", None)
                watched.episode_id, opened_now = None, False
        episode = watched.topic.tracker.episode
        if watched.episode_id is not None and episode is not None:
            self._refresh(connection, watched, episode, last, now)
            self._tell_late(connection, watched, episode, last, now)

    def _open(self, connection: Connection, watched: Watched, turn: Turn, now: datetime) -> None:
        episode = turn.episode
        watched.episode_id = IdSource().next()
        row: dict[str, Any] = {
            "id": watched.episode_id,
            "topic": watched.name,
            "state": "open",
            "severity": episode.severity.value,
            "onset_at": begins(episode.onset),
            "opened_at": begins(episode.opened + 1),
            "terms": [],
            "post_ids": {"first": [], "representative": []},
            "false_alarm": False,
        }
        connection.execute(insert(episodes).values(**row, **_numbers(episode), updated_at=now))
        if _is_fresh(turn.bucket, now):
            self._refresh(connection, watched, episode, turn.bucket, now)
            self._raise(connection, watched, turn.bucket, now)

    def _raise(self, connection: Connection, watched: Watched, bucket: int, now: datetime) -> None:
        here = episodes.c.id == watched.episode_id
        assert watched.episode_id is not None  # noqa: S101 - an episode is open
        evidence = _evidence(connection, watched.episode_id, bucket)
        alert_id = self._book.open_surge(connection, watched.episode_id, evidence, now)
        connection.execute(update(episodes).where(here).values(alert_id=alert_id))

    def _escalate(self, connection: Connection, watched: Watched, turn: Turn, now: datetime, *, tell: bool) -> None:
        at = begins(turn.bucket + 1)
        here = episodes.c.id == watched.episode_id
        changed = {"severity": turn.episode.severity.value, "escalated_at": at}
        connection.execute(update(episodes).where(here).values(**changed))
        row = connection.execute(select(episodes.c.alert_id, episodes.c.false_alarm).where(here)).one()
        if row.alert_id is None or watched.episode_id is None:
            return
        self._refresh(connection, watched, turn.episode, turn.bucket, now)
        evidence = _evidence(connection, watched.episode_id, turn.bucket)
        # What opened in this very step is told once, at its height; and nobody is called back to a false alarm.
        step = f"escalated.{turn.episode.severity.value}" if tell and not row.false_alarm else None
        self._book.escalate_surge(connection, row.alert_id, evidence, now, tell=step)

    def _tell_late(self, connection: Connection, watched: Watched, episode: Episode, last: int, now: datetime) -> None:
        """Raise the alert of an episode that opened too long ago to be told, and is still going on."""
        if episode.last_surge != last or not _is_fresh(last, now):
            return
        if connection.scalar(select(episodes.c.alert_id).where(episodes.c.id == watched.episode_id)) is None:
            self._raise(connection, watched, last, now)

    def _refresh(self, connection: Connection, watched: Watched, episode: Episode, last: int, now: datetime) -> None:
        """Write the numbers, words and posts of an episode from its onset to the end of a bucket."""
        assert watched.episode_id is not None  # noqa: S101 - an episode is open
        since, until = begins(episode.onset), begins(last + 1)
        which = Which((watched.name,))
        usual = self._usual.get(watched.episode_id)
        if usual is None:
            usual = self._usual[watched.episode_id] = usual_before(connection, which, since)
        posts = posts_between(connection, which, since, until, _MOST_POSTS)
        terms: list[Rising] = rising_in((post.text for post in posts), usual, _MOST_TERMS)
        cooling = last - episode.last_surge >= _COOLING
        state = "closed" if episode.closed is not None else "cooling" if cooling else "open"
        changed = (
            _numbers(episode)
            | _counted(connection, watched.name, since, until)
            | {
                "state": state,
                "closed_at": None if episode.closed is None else begins(episode.closed + 1),
                "updated_at": now,
                "reach": _reach(connection, watched.name, since, until),
                "terms": [asdict(term) for term in terms],
                "post_ids": {"first": first_posts(posts), "representative": telling_posts(posts, terms)},
            }
        )
        connection.execute(update(episodes).where(episodes.c.id == watched.episode_id).values(**changed))


def _is_fresh(bucket: int, now: datetime) -> bool:
    return begins(bucket + 1) >= now - FRESH


def _numbers(episode: Episode) -> dict[str, Any]:
    return {
        "negatives": episode.negatives,
        "posts": episode.total,
        "expected": episode.expected,
        "peak_ratio": episode.peak_ratio,
    }


def _counted(connection: Connection, topic: str, since: datetime, until: datetime) -> dict[str, int]:
    """The posts of the period by now: late ones are in."""
    known = watch_buckets.c
    query = select(
        func.coalesce(func.sum(known.counted_negatives), 0), func.coalesce(func.sum(known.counted_posts), 0)
    ).where(known.topic == topic, known.at >= since, known.at < until)
    negatives, posts = connection.execute(query).one()
    return {"negatives": int(negatives), "posts": int(posts)}


def _reach(connection: Connection, topic: str, since: datetime, until: datetime) -> int | None:
    known = mentions.c
    query = (
        select(func.sum(cast(known.reach, Float(53))))  # of whole numbers SQLite refuses a sum beyond 64 bits
        .where(known.topic == topic, known.created_at >= since, known.created_at < until)
        .where(known.counted, known.sentiment == "negative")
    )
    found = connection.scalar(query)
    return None if found is None else min(int(found), 2**63 - 1)


def _evidence(connection: Connection, episode_id: str, bucket: int) -> dict[str, Any]:
    row = connection.execute(select(episodes).where(episodes.c.id == episode_id)).mappings().one()
    return {
        "topic": row["topic"],
        "episode_id": episode_id,
        "severity": row["severity"],
        "negatives": row["negatives"],
        "expected": round(row["expected"], 1),
        "share": round(row["negatives"] / row["posts"], 3) if row["posts"] else None,
        "onset_at": row["onset_at"].isoformat(),
        "seen_at": begins(bucket + 1).isoformat(),
        "terms": [term["term"] for term in row["terms"][:_TERMS_TOLD]],
    }
