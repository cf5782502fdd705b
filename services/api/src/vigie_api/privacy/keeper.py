"""Sees to the retention in the background: one process at a time, a few hundred rows at a time."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Metric
from sqlalchemy import Connection, Engine, text

from vigie_api.database.engine import Database, is_away
from vigie_api.privacy import spool_files
from vigie_api.privacy.retention import Policy, Sweep, policy_of
from vigie_api.privacy.rows import discreet
from vigie_api.settings import Settings

_log = logging.getLogger("vigie_api.privacy")
_EVERY_S: Final = 3_600.0
_AGAIN_S: Final = 2.0
_BREATH_S: Final = 0.05
_LOCK: Final = "hashtextextended('the retention of old texts', 0)"


class RetentionKeeper:
    """Sweeps what is old every hour. On Postgres only the process that holds an advisory lock does."""

    def __init__(self, settings: Settings, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._settings = settings
        self._policy = policy_of(settings)
        self._sweep = None if self._policy is None else Sweep(self._policy)
        self._ending = threading.Event()
        self._rows = Metric(
            "vigie_retention_rows", "Rows that grew too old, by what was done.", ("table", "action"), registry=registry
        )
        self._failures = Metric("vigie_retention_failures", "Passes that failed.", registry=registry)

    async def run(self) -> None:
        """Sweep for ever; what is under way when this is cancelled ends after its transaction."""
        while self._sweep is not None:
            swept = asyncio.ensure_future(asyncio.to_thread(self.sweep, datetime.now(UTC)))
            try:
                done = await asyncio.shield(swept)
            except asyncio.CancelledError:
                self._ending.set()
                await asyncio.wait([swept])
                raise
            await asyncio.sleep(_AGAIN_S if done is None else _EVERY_S)

    def sweep(self, now: datetime) -> Counter[str] | None:
        """One pass; rows by table, or None when the database is not there. Never raises."""
        if self._policy is None or self._sweep is None or not self._database.ready:
            return None
        try:
            done = pass_once(self._database.engine, self._sweep, now, rest=lambda: not self._ending.wait(_BREATH_S))
            if done is not None and self._policy.judged is not None and self._settings.spool_dir is not None:
                old = spool_files.damaged_before(self._settings.spool_dir, now - self._policy.judged)
                done["spool"] = spool_files.apply(old)
        except Exception as error:
            if is_away(error):
                return None
            _log.exception("old texts could not be swept")
            self._failures.inc()
            return Counter()
        self._tell(self._policy, done or Counter())
        return done or Counter()

    def _tell(self, policy: Policy, done: Counter[str]) -> None:
        for table, rows in done.items():
            self._rows.labels(table, policy.action).inc(rows)
        if done.total():
            _log.info("old texts were swept", extra={"action": policy.action, "rows": dict(+done)})


def pass_once(
    engine: Engine, sweep: Sweep, now: datetime, rest: Callable[[], bool] = lambda: True
) -> Counter[str] | None:
    """One pass as the leader; None when another process is at it. Raises what SQLAlchemy raises."""
    with engine.connect() as connection:
        discreet(connection)
        if not _lead(connection, "pg_try_advisory_lock"):
            return None
        try:
            return sweep.run(connection, now, rest)
        finally:
            if not connection.invalidated:
                _lead(connection, "pg_advisory_unlock")


def _lead(connection: Connection, function: str) -> bool:
    if connection.dialect.name != "postgresql":
        return True  # SQLite has one writer, and one process beside a command or two
    with connection.begin():
        return bool(connection.scalar(text(f"SELECT {function}({_LOCK})")))
