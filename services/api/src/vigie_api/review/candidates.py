"""What could be labelled next, read from the database in bounded time however many predictions there are.

The least confident are found through an index on steps of confidence and time: a walk of at most 21 short ranges, each
newest first. A new prediction is appended at the end of one of these ranges, so the index costs the writer little,
where one on the score itself would touch a page at random for every row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Index,
    Integer,
    RowMapping,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    select,
    text,
)
from sqlalchemy.sql.elements import ColumnElement

from vigie_api.feedback.table import feedback
from vigie_api.prediction.schema import Language
from vigie_api.prediction.table import predictions
from vigie_api.review.disputes import disputes
from vigie_api.review.selection import Candidate
from vigie_api.shadow.table import shadow_scores

WAITING_AT_MOST = 10_000
_STEPS = 21  # of confidence, 0.025 wide
_CONTRADICTED_AT_MOST = 250
_READ_CHARS = 500  # of a post: thousands of the longest would be chosen from for seconds

# Written out, and not with bound numbers: an index serves no expression but its own. Postgres rounds here and SQLite
# cuts off; either way the steps are in the order of confidence.
_STEP = "CAST(abs({score} - 0.5) * 40 AS INTEGER)"
_step: ColumnElement[int] = literal_column(_STEP.format(score="predictions.score"), Integer)
Index(
    "ix_predictions_confidence",
    literal_column(_STEP.format(score="score"), Integer),
    predictions.c.created_at,
    predictions.c.language,
    predictions.c.model_version,
)
Index(
    "ix_shadow_scores_contradicting",
    shadow_scores.c.scored_at,
    postgresql_where=text("NOT agrees"),
    sqlite_where=text("agrees = 0"),
)


@dataclass(frozen=True, slots=True)
class Range:
    """Which predictions: `since` inclusive, `until` exclusive (time of the prediction)."""

    since: datetime | None = None
    until: datetime | None = None
    language: Language | None = None
    model_version: str | None = None
    topic: str | None = None

    def where(self) -> list[ColumnElement[bool]]:
        """The range as conditions on the predictions table. A prediction whose text was taken away is in none."""
        conditions: list[ColumnElement[bool]] = [predictions.c.text != ""]
        if self.since is not None:
            conditions.append(predictions.c.created_at >= self.since)
        if self.until is not None:
            conditions.append(predictions.c.created_at < self.until)
        if self.language is not None:
            conditions.append(predictions.c.language == self.language)
        if self.model_version is not None:
            conditions.append(predictions.c.model_version == self.model_version)
        if self.topic is not None:
            conditions.append(predictions.c.topic == self.topic)
        return conditions


@dataclass(slots=True)
class Pool:
    """What there is to choose from: rows by prediction id, and how many wait in all (at most WAITING_AT_MOST)."""

    waiting: int
    challenger: str | None
    rows: dict[str, RowMapping] = field(default_factory=dict)
    disputes: Mapping[str, int] = field(default_factory=dict)

    def add(self, rows: Iterable[RowMapping]) -> None:
        """Add rows that are not there yet."""
        for row in rows:
            if row["text"]:  # an old one may have been anonymised
                self.rows.setdefault(row["id"], row)

    def candidates(self) -> list[Candidate]:
        """The rows as `choose` takes them."""
        return [
            Candidate(key, row["text"][:_READ_CHARS], row["score"], row["challenger_score"], self.disputes.get(key, 0))
            for key, row in self.rows.items()
        ]


def read_pool(connection: Connection, wanted: Range, at_most: int, now: datetime) -> Pool:
    """The `at_most` least confident unjudged predictions of the range, and beside them what is in dispute.

    That is: predictions that the challenger contradicts, and those that people judged differently in the 30 days
    before `now`, these although they are judged.
    """
    challenger = connection.scalar(select(shadow_scores.c.version).order_by(shadow_scores.c.scored_at.desc()).limit(1))
    rows, waiting = _least_confident(connection, wanted, challenger, at_most)
    pool = Pool(waiting, challenger)
    pool.add(rows)
    if challenger is not None:
        contradicted = (
            _rows(wanted, challenger)
            .where(~shadow_scores.c.agrees, _unjudged())
            .order_by(shadow_scores.c.scored_at.desc())
            .limit(_CONTRADICTED_AT_MOST)
        )
        pool.add(connection.execute(contradicted).mappings())
    pool.disputes = disputes(connection, now)
    if pool.disputes:
        disputed = _rows(wanted, challenger).where(predictions.c.id.in_(pool.disputes))
        pool.add(connection.execute(disputed).mappings())
    return pool


def judged_since(connection: Connection, start: datetime) -> int:
    """How many predictions got the verdict that counts at `start` or later."""
    query = select(func.count()).select_from(feedback).where(feedback.c.current, feedback.c.received_at >= start)
    return int(connection.scalar(query) or 0)


def start_of_day(now: datetime) -> datetime:
    """Midnight before `now`, in the zone of `now`."""
    return now - timedelta(hours=now.hour, minutes=now.minute, seconds=now.second, microseconds=now.microsecond)


def _unjudged() -> ColumnElement[bool]:
    return ~exists().where(feedback.c.prediction_id == predictions.c.id, feedback.c.current)


def _rows(wanted: Range, challenger: str | None) -> Select[Any]:
    score: Any = null() if challenger is None else shadow_scores.c.score
    query = select(predictions, score.label("challenger_score")).where(*wanted.where())
    if challenger is None:
        return query
    opinion = and_(shadow_scores.c.prediction_id == predictions.c.id, shadow_scores.c.version == challenger)
    return query.select_from(predictions.outerjoin(shadow_scores, opinion))


def _least_confident(
    connection: Connection, wanted: Range, challenger: str | None, at_most: int
) -> tuple[list[RowMapping], int]:
    """The least confident first, newest first within a step, and how many wait in the range."""
    step, limit = bindparam("step", type_=Integer), bindparam("limit", type_=Integer)
    in_step = (_step == step, _unjudged())
    newest = _rows(wanted, challenger).where(*in_step).order_by(predictions.c.created_at.desc()).limit(limit)
    some = select(predictions.c.created_at).where(*wanted.where(), *in_step).limit(limit).subquery()
    count = select(func.count()).select_from(some)
    found: list[RowMapping] = []
    waiting = 0
    for number in range(_STEPS):
        missing = at_most - len(found)
        rows = connection.execute(newest, {"step": number, "limit": missing}).mappings().all() if missing else []
        found += rows
        if len(rows) < missing:
            waiting += len(rows)
        elif waiting < WAITING_AT_MOST:
            waiting += connection.scalar(count, {"step": number, "limit": WAITING_AT_MOST - waiting}) or 0
        else:
            break
    return found, min(waiting, WAITING_AT_MOST)
