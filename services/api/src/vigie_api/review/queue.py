"""The use case: what to label next."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import Connection, RowMapping

from vigie_api.database.engine import Database
from vigie_api.review.candidates import Pool, Range, judged_since, read_pool, start_of_day
from vigie_api.review.schema import ChallengerOut, ReviewItem, ReviewList
from vigie_api.review.selection import Choice, choose

# What is offered is worth its time: choosing 20 of 400 takes a fraction of choosing 300 of 5,000.
_OFFERED_AT_LEAST = 400
_OFFERED_AT_MOST = 5_000
_OFFERED_FOR_EACH = 12


async def what_next(database: Database, wanted: Range, count: int, now: datetime) -> ReviewList:
    """The `count` predictions of the range whose verdicts teach most, best first. Raises DatabaseAway."""
    offered = min(_OFFERED_AT_MOST, max(_OFFERED_AT_LEAST, _OFFERED_FOR_EACH * count))
    pool, judged_today = await database.read(_read, wanted, offered, now)
    chosen = await asyncio.to_thread(choose, pool.candidates(), count)
    items = [_item(pool, choice, pool.rows[choice.candidate.prediction_id]) for choice in chosen]
    return ReviewList(items=items, waiting=pool.waiting, judged_today=judged_today)


def _read(connection: Connection, wanted: Range, offered: int, now: datetime) -> tuple[Pool, int]:
    pool = read_pool(connection, wanted, offered, now)
    return pool, judged_since(connection, start_of_day(now.astimezone(UTC)))


def _item(pool: Pool, choice: Choice, row: RowMapping) -> ReviewItem:
    said = choice.candidate.challenger_score
    challenger = None
    if said is not None and pool.challenger is not None:
        challenger = ChallengerOut(
            version=pool.challenger, sentiment="positive" if said >= 0.5 else "negative", score=said
        )
    return ReviewItem(
        prediction_id=row["id"],
        text=row["text"],
        sentiment=row["sentiment"],
        score=row["score"],
        confidence=max(row["score"], 1 - row["score"]),
        uncertain=row["uncertain"],
        language=row["language"],
        model_version=row["model_version"],
        topic=row["topic"],
        predicted_at=row["created_at"],
        reasons=list(choice.reasons),
        priority=choice.priority,
        copies=choice.copies,
        challenger=challenger,
        disputes=choice.candidate.disputes,
    )
