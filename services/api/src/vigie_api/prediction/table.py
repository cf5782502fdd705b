"""The predictions table, and the one statement that writes a batch of it."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Boolean, Column, Connection, Float, Index, String, Table, Text, text

from vigie_api.database.schema import UtcDateTime, metadata
from vigie_api.prediction.schema import Sentiment

_NAMED = text("topic IS NOT NULL")

predictions = Table(
    "predictions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("created_at", UtcDateTime(), nullable=False, index=True),
    Column("text", Text(), nullable=False),
    Column("sentiment", String(8), nullable=False),
    Column("score", Float(53), nullable=False),
    Column("uncertain", Boolean(), nullable=False),
    Column("language", String(3), nullable=False),
    Column("model_version", String(20), nullable=False),
    Column("recipe", String(64), nullable=False),
    Column("topic", String(64)),
    Index("ix_predictions_model_version_created_at", "model_version", "created_at"),
    Index("ix_predictions_topic", "topic", "created_at", postgresql_where=_NAMED, sqlite_where=_NAMED),
)


class PredictionRow(NamedTuple):
    """A prediction as it is written. `created_s` is a time.time() stamp."""

    id: str
    created_s: float
    text: str
    sentiment: Sentiment
    score: float
    uncertain: bool
    language: str
    model_version: str
    recipe: str
    topic: str | None = None


# One statement a batch: with executemany the driver would give up and take back the interpreter's lock once a row, and
# hold up the event loop as often. A thousandth of a second is what SQLite's own clock function keeps.
_COLUMNS = ", ".join(PredictionRow._fields).replace("created_s", "created_at")
_ROW = {
    "sqlite": "(?, strftime('%Y-%m-%d %H:%M:%f', ?, 'unixepoch') || '000', ?, ?, ?, ?, ?, ?, ?, ?)",
    "postgresql": "(%s, to_timestamp(%s), %s, %s, %s, %s, %s, %s, %s, %s)",
}


def insert_predictions(connection: Connection, rows: Sequence[PredictionRow]) -> None:
    """Write a few hundred rows; one that is there already stays as it is, so that a batch may be sent twice."""
    places = ", ".join([_ROW[connection.dialect.name]] * len(rows))
    statement = f"INSERT INTO predictions ({_COLUMNS}) VALUES {places} ON CONFLICT (id) DO NOTHING"  # noqa: S608 - constants
    connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows)))
