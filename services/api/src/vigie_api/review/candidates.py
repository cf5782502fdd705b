"""What could be labelled next, read from the database in bounded time however many predictions there are.

The least confident are found through an index on language, steps of confidence and time: a walk of at most 21 short
ranges of each language, each newest first. A new prediction is appended at the end of one of these ranges, so the index
costs the writer little, where one on the score itself would touch a page at random for every row. A version's are
looked for in the time in which it predicted. A topic has an index on time alone: of its predictions the newest ones are
read and put in order.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import (
    Connection,
    Index,
    Integer,
    RowMapping,
    Select,
    and_,
    bindparam,
    desc,
    exists,
    func,
    literal_column,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from vigie_api.feedback.table import feedback
from vigie_api.prediction.schema import Language
from vigie_api.prediction.table import predictions
from vigie_api.review.disputes import disputes
from vigie_api.review.selection import Candidate
from vigie_api.shadow.table import shadow_scores

WAITING_AT_MOST = 10_000
OF_TOPIC_AT_MOST = 3_000
_ALL = frozenset(predictions.c.keys())
_TICK = timedelta(microseconds=1)
_STEPS = 21  # of confidence, 0.025 wide
_CONTRADICTED_AT_MOST = 150
_CONTRADICTIONS_READ = 1_000
_READ_CHARS = 500  # of a post: thousands of the longest would be chosen from for seconds

# Written out, and not with bound numbers: an index serves no expression but its own. Postgres rounds here and SQLite
# cuts off; either way the steps are in the order of confidence.
_STEP = "CAST(abs({score} - 0.5) * 40 AS INTEGER)"
_step: ColumnElement[int] = literal_column(_STEP.format(score="predictions.score"), Integer)
# Written out, too: it is the condition of the index.
_worded: ColumnElement[bool] = predictions.c.text != literal_column("''")
Index(
    "ix_predictions_confidence",
    predictions.c.language,
    literal_column(_STEP.format(score="score"), Integer),
    predictions.c.created_at,
    predictions.c.model_version,
    postgresql_where=text("text <> ''"),
    sqlite_where=text("text <> ''"),
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

    def where(self, beside: Collection[str] = ()) -> list[ColumnElement[bool]]:
        """The range as conditions on the predictions table. A prediction whose text was taken away is in none.

        `beside`: columns by which rows are not to be found, since there is a better way. SQLite keeps no statistics,
        and would rather go through all of a language than look up a hundred ids. An expression has no index.
        """

        def column(name: str) -> ColumnElement[Any]:
            found = predictions.c[name]
            return func.coalesce(found, found) if name in beside else found

        conditions = [_worded]
        if self.since is not None:
            conditions.append(column("created_at") >= self.since)
        if self.until is not None:
            conditions.append(column("created_at") < self.until)
        wanted = {"language": self.language, "model_version": self.model_version, "topic": self.topic}
        return conditions + [column(name) == value for name, value in wanted.items() if value is not None]


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
    narrow = _narrowed(connection, wanted)
    if narrow is None:
        return Pool(0, challenger)
    wanted = narrow
    rows, waiting = _least_confident(connection, wanted, challenger, at_most)
    pool = Pool(waiting, challenger)
    pool.add(rows)
    if challenger is not None:
        pool.add(_contradicted(connection, wanted, challenger))
    pool.disputes = disputes(connection, now)
    if pool.disputes:
        disputed = _rows(wanted, challenger, _ALL).where(predictions.c.id.in_(pool.disputes))
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


def _rows(wanted: Range, challenger: str | None, beside: Collection[str] = ()) -> Select[Any]:
    score: Any = null() if challenger is None else shadow_scores.c.score
    query = select(predictions, score.label("challenger_score")).where(*wanted.where(beside))
    if challenger is None:
        return query
    opinion = and_(shadow_scores.c.prediction_id == predictions.c.id, shadow_scores.c.version == challenger)
    return query.select_from(predictions.outerjoin(shadow_scores, opinion))


def _contradicted(connection: Connection, wanted: Range, challenger: str) -> Sequence[RowMapping]:
    lately = select(shadow_scores.c.prediction_id, shadow_scores.c.scored_at).where(~shadow_scores.c.agrees)
    lately = lately.where(shadow_scores.c.version == challenger)
    if wanted.since is not None:  # an opinion is later than what it is on
        lately = lately.where(shadow_scores.c.scored_at >= wanted.since)
    if wanted.model_version is not None:
        lately = lately.where(shadow_scores.c.champion_version == wanted.model_version)
    newest = lately.order_by(shadow_scores.c.scored_at.desc()).limit(_CONTRADICTIONS_READ).subquery()
    query = _rows(wanted, challenger, _ALL).join(newest, newest.c.prediction_id == predictions.c.id)
    query = query.where(_unjudged())
    return connection.execute(query.order_by(newest.c.scored_at.desc()).limit(_CONTRADICTED_AT_MOST)).mappings().all()


def _narrowed(connection: Connection, wanted: Range) -> Range | None:
    """The same range within the time in which its version predicted and its topic was new; None when it is empty."""
    if wanted.model_version is not None:
        served = select(predictions.c.created_at).where(predictions.c.model_version == wanted.model_version)
        first = connection.scalar(served.order_by(predictions.c.created_at).limit(1))
        last = connection.scalar(served.order_by(predictions.c.created_at.desc()).limit(1))
        if first is None or last is None:
            return None
        until = last + _TICK
        wanted = replace(
            wanted,
            since=first if wanted.since is None else max(first, wanted.since),
            until=until if wanted.until is None else min(until, wanted.until),
        )
    if wanted.topic is not None:
        # Whether they have a text is not asked: then the index alone is read.
        _, *of_topic = Range(wanted.since, wanted.until, topic=wanted.topic).where()
        newest = select(predictions.c.created_at).where(*of_topic).order_by(predictions.c.created_at.desc())
        since = connection.scalar(newest.offset(OF_TOPIC_AT_MOST - 1).limit(1))
        wanted = wanted if since is None else replace(wanted, since=since)
    return wanted


def _least_confident(
    connection: Connection, wanted: Range, challenger: str | None, at_most: int
) -> tuple[Sequence[RowMapping], int]:
    """The least confident first, newest first within a step, and how many wait in the range."""
    if wanted.topic is not None:
        # In one pass: the rows of a topic lie apart, and reading them is what costs.
        order = (_step, predictions.c.created_at.desc())
        counted = select(predictions.c.id, func.count().over().label("waiting")).where(*wanted.where(), _unjudged())
        chosen = counted.order_by(*order).limit(at_most).subquery()
        found = _rows(Range(), challenger).add_columns(chosen.c.waiting)
        found = found.join(chosen, chosen.c.id == predictions.c.id).order_by(*order)
        rows_of_topic = connection.execute(found).mappings().all()
        return rows_of_topic, rows_of_topic[0]["waiting"] if rows_of_topic else 0
    languages = get_args(Language) if wanted.language is None else (wanted.language,)
    step, limit = bindparam("step", type_=Integer), bindparam("limit", type_=Integer)
    # Each language has its part of the index in the order asked for. With a limit of its own none is read to its end.
    parts = (_rows(replace(wanted, language=language), challenger, ("model_version",)) for language in languages)
    of_step = (part.where(_step == step, _unjudged()).order_by(predictions.c.created_at.desc()) for part in parts)
    newest = union_all(*(select(part.limit(limit).subquery()) for part in of_step))
    newest = newest.order_by(desc("created_at")).limit(limit)
    rows: list[RowMapping] = []
    for number in range(_STEPS):
        rows += connection.execute(newest, {"step": number, "limit": at_most - len(rows)}).mappings()
        if len(rows) >= at_most:
            break
    else:
        if len(rows) < WAITING_AT_MOST:
            return rows, len(rows)
    if connection.dialect.name == "postgresql":
        return rows, _waiting(connection, wanted.where())
    # SQLite keeps no statistics. With every column named that the index begins with, it finds a day's few at once.
    everywhere = (predictions.c.language.in_(languages), _step.in_(map(_written, range(_STEPS))))
    return rows, _waiting(connection, [*wanted.where(), *everywhere])


def _waiting(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> int:
    """How many unjudged predictions there are, at most WAITING_AT_MOST."""
    unjudged: Select[Any] = select(literal_column("1")).select_from(predictions).where(*conditions, _unjudged())
    return connection.scalar(select(func.count()).select_from(unjudged.limit(WAITING_AT_MOST).subquery())) or 0


def _written(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer)
