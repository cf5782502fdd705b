"""Databases with predictions, verdicts and alerts in them, written as the service writes them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select, update

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.rule import Policy
from vigie_api.alerts.table import alerts
from vigie_api.database.engine import Database, open_engine
from vigie_api.database.migrate import migrate
from vigie_api.database.schema import metadata
from vigie_api.feedback.table import Entry, keep
from vigie_api.mentions.authors import author_hash
from vigie_api.mentions.rows import MentionRow, insert_mentions, stamp
from vigie_api.mentions.table import Stage, mentions
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.settings import Settings
from vigie_api.shadow.table import ShadowRow, insert_shadow_scores

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class Kept:
    """A migrated database and what a service would write into it, at any age in days."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings = settings
        self.engine = engine
        self._ids = IdSource()
        self._book = AlertBook(Database(settings.database_url), Policy(3, 300.0, 3_600.0))

    def predict(self, text: str, *, days: float = 0, shadowed: bool = False) -> str:
        key, at_s = self._ids.next(), (NOW - timedelta(days=days)).timestamp()
        with self.engine.begin() as connection:
            insert_predictions(connection, [PredictionRow(key, at_s, text, "negative", 0.2, False, "fr", "1", "tiny")])
            if shadowed:
                insert_shadow_scores(connection, [ShadowRow(key, "2", 0.3, "negative", True, 0.1, "1", at_s)])
        return key

    def judge(self, prediction_id: str, *, days: float = 0, text: str | None = None, comment: str | None = None) -> str:
        entry = Entry(
            id=self._ids.next(),
            prediction_id=prediction_id,
            received_at=NOW - timedelta(days=days),
            verdict="wrong",
            correction="positive",
            text=text,
            sentiment="negative",
            model_version="1",
            comment=comment,
            given_by="marketing",
        )
        with self.engine.begin() as connection:
            _, new = keep(connection, entry)
            if new:
                self._book.judge(connection, entry)
        return entry.id

    def mention(
        self,
        text: str,
        *,
        days: float = 0,
        author: str | None = None,
        stage: Stage = Stage.SCORED,
    ) -> str:
        """A mention that was taken in so long ago; with its prediction, unless it waits or could not be judged."""
        row = self.mention_row(text, days=days, author=author)
        with self.engine.begin() as connection:
            insert_mentions(connection, [row])
            changed = {"stage": int(stage)}
            if stage in (Stage.SCORED, Stage.COUNTED):
                at_s = (NOW - timedelta(days=days)).timestamp()
                prediction = PredictionRow(row.id, at_s, text, "negative", 0.2, False, "fr", "1", "tiny", row.topic)
                insert_predictions(connection, [prediction])
                changed |= {"text": None, "sentiment": "negative", "language": "fr"}
            connection.execute(update(mentions).where(mentions.c.id == row.id).values(changed))
        return row.id

    def mention_row(self, text: str, *, days: float = 0, author: str | None = None) -> MentionRow:
        """A mention as it is written, into the database or into the spool."""
        key, at = self._ids.next(), stamp(NOW - timedelta(days=days))
        hashed = author_hash(self.settings)
        author_key = hashed(author) if hashed is not None and author is not None else None
        return MentionRow(key, "x", f"at-x-{key}", "Air Paradis", at, at, author_key, "https://x.com/1", 1, text)

    def alert(self, *, days: float = 0, note: str | None = None, seen: bool = True) -> None:
        at = NOW - timedelta(days=days)
        key = self._ids.next()
        row = {"id": key, "kind": "drift", "key": key, "opened_at": at, "updated_at": at, "count": 1, "note": note}
        row |= {"evidence": {"day": "2026-11-01"}, "model_version": "1"}
        row |= {"acknowledged_at": at if seen else None, "acknowledged_by": "ann" if seen else None}
        with self.engine.begin() as connection:
            connection.execute(insert(alerts).values(row))

    def rows(self, table: str) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(metadata.tables[table])) or 0

    def column(self, name: str) -> list:
        table, column = name.split(".")
        with self.engine.connect() as connection:
            return list(connection.scalars(select(metadata.tables[table].c[column])))

    def everything(self) -> str:
        """All that the database says, as one string."""
        with self.engine.connect() as connection:
            return repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])


@pytest.fixture
def kept(database_url: str, tmp_path: Path) -> Iterator[Kept]:
    """An empty database, once of each kind; no MLflow, and a spool."""
    settings = Settings(
        home=tmp_path, database_url=database_url, mlflow_uri="http://127.0.0.1:9", spool_dir=tmp_path / "spool"
    )
    (tmp_path / "spool").mkdir()
    engine = open_engine(settings.database_url)
    migrate(engine)
    yield Kept(settings, engine)
    engine.dispose()


@pytest.fixture
def changed() -> Callable[..., Settings]:
    """The same settings but for some."""
    return lambda settings, **others: Settings(**settings.model_dump() | others)
