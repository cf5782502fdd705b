"""The feedback table: every verdict ever given; `current` marks the one that counts for its prediction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    insert,
    select,
    text,
    update,
)

from vigie_api.database.schema import UtcDateTime, metadata
from vigie_api.feedback.schema import OPPOSITE, Verdict, contradiction
from vigie_api.prediction.schema import Sentiment
from vigie_api.prediction.table import predictions
from vigie_api.problem import refuse_text

feedback = Table(
    "feedback",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("prediction_id", String(64), nullable=False, index=True),
    Column("received_at", UtcDateTime(), nullable=False, index=True),
    Column("verdict", String(8), nullable=False),
    Column("correction", String(8)),
    Column("text", Text()),
    Column("sentiment", String(8)),
    Column("model_version", String(20)),
    Column("comment", Text()),
    Column("current", Boolean(), nullable=False),
    Column("given_by", String(64)),
    Column("topic", String(64)),
    Index(
        "uq_feedback_current",
        "prediction_id",
        unique=True,
        postgresql_where=text("current"),
        sqlite_where=text("current"),
    ),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A verdict as it is kept, whole: nothing of it depends on the prediction being in the database.

    `given_by` is the name of the key; None for a verdict from before names were kept. `topic` is what the client says,
    of use where the prediction has none.
    """

    id: str
    prediction_id: str
    received_at: datetime
    verdict: Verdict
    correction: Sentiment | None
    text: str | None
    sentiment: Sentiment | None
    model_version: str | None
    comment: str | None
    given_by: str | None = None
    topic: str | None = None


_SAID = ("verdict", "correction", "comment")
_KNOWN = ("text", "sentiment", "model_version", "topic")
_JUDGED = select(*(predictions.c[name] for name in _KNOWN))


def implied(verdict: Verdict, correction: Sentiment | None, predicted: Sentiment | None) -> Sentiment | None:
    """The right sentiment. Of two, a verdict on a known prediction leaves one, whatever correction came with it.

    So a correction that contradicts its verdict, taken while nobody knew the prediction, gives way once it is known.
    """
    if predicted is None:
        return correction
    return predicted if verdict == "correct" else OPPOSITE[predicted]


def refuse_contradiction(verdict: Verdict, correction: Sentiment | None, predicted: Sentiment | None) -> None:
    """Raise InvalidRequest when verdict and correction cannot both be meant of what was predicted."""
    why = contradiction(verdict, correction, predicted)
    if why is not None:
        raise refuse_text(["correction"], why, "contradiction")


def hold(connection: Connection, prediction_ids: Iterable[str]) -> None:
    """Let verdicts of others on these predictions queue until the transaction ends; again changes nothing."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        for key in sorted(set(prediction_ids)):  # in one order, so that nobody waits for somebody who waits for him
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def keep(connection: Connection, entry: Entry, *, replayed: bool = False) -> tuple[Entry, bool]:
    """Make an entry the one that counts, and return it with True; the one that says the same already, with False.

    What is returned with True also says of the prediction what the database knows of it. The same said by somebody else
    is new. Raises InvalidRequest when the correction contradicts what was predicted.

    An entry `replayed` from the spool was answered for, so it is kept under its own id, once, whatever it repeats. A
    verdict that arrived after it may have reached the database first; then that one counts, and this is its history.
    """
    hold(connection, [entry.prediction_id])
    if replayed and connection.execute(select(feedback.c.id).where(feedback.c.id == entry.id)).first():
        return entry, False
    judged = connection.execute(_JUDGED.where(predictions.c.id == entry.prediction_id)).mappings().first()
    predicted = None if judged is None else judged["sentiment"]
    if not replayed:
        refuse_contradiction(entry.verdict, entry.correction, predicted)
    values = {name: getattr(entry, name) for name in Entry.__slots__}
    values["correction"] = implied(entry.verdict, entry.correction, predicted or entry.sentiment)
    whole = Entry(**values | {name: known for name, known in (judged or {}).items() if known is not None})
    is_current = (feedback.c.prediction_id == entry.prediction_id) & feedback.c.current
    before = connection.execute(select(feedback).where(is_current)).mappings().first()
    if before is not None:
        repeated = all(before[name] == values[name] for name in _SAID)
        repeated &= before["given_by"] in (None, entry.given_by)
        adds_nothing = predicted is not None or all(values[name] in (None, before[name]) for name in _KNOWN)
        if repeated and adds_nothing and not replayed:
            return Entry(**{name: before[name] for name in Entry.__slots__}), False
        if replayed and before["received_at"] > entry.received_at:
            connection.execute(insert(feedback).values(**values, current=False))
            return whole, True
        connection.execute(update(feedback).where(is_current).values(current=False))
    connection.execute(insert(feedback).values(**values, current=True))
    return whole, True
