"""The table of what a challenger said of predictions that the champion had answered."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Boolean, Column, Connection, Float, PrimaryKeyConstraint, String, Table, func, select

from vigie_api.database.schema import UtcDateTime, metadata
from vigie_api.prediction.schema import Sentiment

SEEN_AT_MOST = 100_000

shadow_scores = Table(
    "shadow_scores",
    metadata,
    Column("prediction_id", String(36), nullable=False),
    Column("version", String(20), nullable=False),
    Column("score", Float(53), nullable=False),
    Column("sentiment", String(8), nullable=False),
    Column("agrees", Boolean(), nullable=False),
    Column("shift", Float(53), nullable=False),
    Column("champion_version", String(20), nullable=False),
    Column("scored_at", UtcDateTime(), nullable=False, index=True),
    PrimaryKeyConstraint("prediction_id", "version"),
)


class ShadowRow(NamedTuple):
    """One opinion as it is written. `shift` is its score less the champion's; `scored_s` is a time.time() stamp."""

    prediction_id: str
    version: str
    score: float
    sentiment: Sentiment
    agrees: bool
    shift: float
    champion_version: str
    scored_s: float


class Tally(NamedTuple):
    """What a version's opinions add up to: how many, how many that agree, and the sum of their shifts."""

    scored: int
    agreed: int
    shift: float


# One statement a batch, as predictions are written.
_COLUMNS = ", ".join(ShadowRow._fields).replace("scored_s", "scored_at")
_ROW = {
    "sqlite": "(?, ?, ?, ?, ?, ?, ?, strftime('%Y-%m-%d %H:%M:%f', ?, 'unixepoch') || '000')",
    "postgresql": "(%s, %s, %s, %s, %s, %s, %s, to_timestamp(%s))",
}


def insert_shadow_scores(connection: Connection, rows: Sequence[ShadowRow]) -> None:
    """Write a few hundred rows; one that is there already stays as it is, so that a batch may be sent twice."""
    places = ", ".join([_ROW[connection.dialect.name]] * len(rows))
    statement = (
        f"INSERT INTO shadow_scores ({_COLUMNS}) VALUES {places} "  # noqa: S608 - constants
        "ON CONFLICT (prediction_id, version) DO NOTHING"
    )
    connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows)))


def tally(connection: Connection, version: str, champion_version: str) -> Tally:
    """What `version` said beside that champion, among the last 100,000 opinions: a new start forgets none."""
    last = select(shadow_scores).order_by(shadow_scores.c.scored_at.desc()).limit(SEEN_AT_MOST).subquery()
    found = connection.execute(
        select(
            func.count(),
            func.count().filter(last.c.agrees),
            func.coalesce(func.sum(last.c.shift), 0.0),
        ).where((last.c.version == version) & (last.c.champion_version == champion_version))
    ).one()
    return Tally(int(found[0]), int(found[1]), float(found[2]))
