"""The predictions table, and the one statement that writes a batch of it."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Boolean, Column, Connection, Float, String, Table, Text

from vigie_api.database.schema import UtcDateTime, metadata
from vigie_api.prediction.schema import Sentiment

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


# One parameter, unpacked by the database: with executemany, the driver would take the interpreter's lock once a row,
# and hold up the event loop as often.
_INSERT = {
    "sqlite": """
        INSERT INTO predictions (id, created_at, text, sentiment, score, uncertain, language, model_version, recipe)
        SELECT value->>0, strftime('%Y-%m-%d %H:%M:%f', value->>1, 'unixepoch') || '000', value->>2, value->>3,
               value->>4, value->>5, value->>6, value->>7, value->>8
        FROM json_each(?) WHERE true ON CONFLICT (id) DO NOTHING""",
    "postgresql": """
        INSERT INTO predictions (id, created_at, text, sentiment, score, uncertain, language, model_version, recipe)
        SELECT value->>0, to_timestamp((value->>1)::float8), value->>2, value->>3, (value->>4)::float8,
               (value->>5)::boolean, value->>6, value->>7, value->>8
        FROM json_array_elements(CAST(%s AS json)) ON CONFLICT (id) DO NOTHING""",
}


def insert_predictions(connection: Connection, rows: Sequence[PredictionRow]) -> None:
    """Write the rows; one that is there already stays as it is, so that a batch may be sent twice."""
    connection.exec_driver_sql(_INSERT[connection.dialect.name], (json.dumps(rows, ensure_ascii=False),))
