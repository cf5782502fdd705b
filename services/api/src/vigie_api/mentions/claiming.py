"""Mentions on their way from accepted to scored, in the database: what to judge next, and what came of it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select, text, update

from vigie_api.mentions.table import Stage, mentions
from vigie_api.prediction.table import PredictionRow, insert_predictions, predictions
from vigie_api.privacy.rows import discreet

_THINKING: Final = text("SET LOCAL idle_in_transaction_session_timeout = '60s'")


class Claimed(NamedTuple):
    """A mention to judge."""

    seq: int
    id: str
    topic: str
    text: str


class Judged(NamedTuple):
    """What came of a batch: a prediction on each that could be judged, and the seq of those that could not."""

    rows: Sequence[PredictionRow]
    seqs: Sequence[int]
    failed: Sequence[int]


def claim(connection: Connection, limit: int) -> list[Claimed]:
    """The oldest that wait. On Postgres nobody else is given them before this transaction ends; the server ends it when
    the model thinks for longer than a minute, or the process was stopped.

    On SQLite nothing is locked, for its one lock would stop every writer while the model thinks: two processes may
    judge the same batch, and the second changes nothing.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_THINKING)
    waiting = (
        select(mentions.c.seq, mentions.c.id, mentions.c.topic, mentions.c.text)
        .where(mentions.c.stage == int(Stage.ACCEPTED))
        .order_by(mentions.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Claimed(*row) for row in connection.execute(waiting)]


def store(connection: Connection, judged: Judged) -> int:
    """Write the predictions and let the mentions go on; returns how many did (on SQLite another may have been first).

    From here on the prediction has the text, and the mention none. Of a mention that was forgotten meanwhile nothing
    is written.
    """
    done = 0
    waits = mentions.c.stage == int(Stage.ACCEPTED)
    there = set(connection.scalars(select(mentions.c.id).where(waits, mentions.c.seq.in_(judged.seqs))))
    rows = [row for row in judged.rows if row.id in there]
    if rows:
        if connection.dialect.name == "sqlite":
            discreet(connection)  # the mention's copy of the text goes without a trace in the file
        insert_predictions(connection, rows)
        done = connection.execute(
            update(mentions)
            .where(waits, mentions.c.seq.in_(judged.seqs), predictions.c.id == mentions.c.id)
            .values(
                stage=int(Stage.SCORED),
                sentiment=predictions.c.sentiment,
                language=predictions.c.language,
                text=None,
            )
        ).rowcount
    if judged.failed:
        failed = update(mentions).where(waits, mentions.c.seq.in_(judged.failed))
        done += connection.execute(failed.values(stage=int(Stage.SET_ASIDE), counted=False)).rowcount
    return done
