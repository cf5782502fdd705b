"""One engine and a few threads: use cases are plain functions on a connection, run off the event loop."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from vigie_api.problem import Problem
from vigie_api.telemetry.calls import Calls, is_answer, name_of

T = TypeVar("T")

_THREADS = 8
_BUSY_S = 5
_CONNECT_S = 3
# The server looks whether we are still there: a machine that lost its power, or its network, says no goodbye, and its
# session would keep the lead of the watch, and the mentions that it was judging, for the two hours that systems give a
# silent connection. So it is for six seconds; unless the process was stopped, whose system answers for it: then a
# transaction that waits for its next statement is given up.
_OPTIONS = (
    "-c statement_timeout=15000 -c lock_timeout=5000 -c timezone=UTC -c plan_cache_mode=force_custom_plan "
    "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3 -c tcp_user_timeout=6000 "
    "-c idle_in_transaction_session_timeout=15000"
)
_AWAY_STATES = frozenset({"42P01", "25006"})  # Postgres: not migrated yet; a standby that takes no writes


class DatabaseAway(Problem):
    """The database does not answer (or is not migrated yet)."""

    status = 503
    slug = "database-away"
    title = "Database unavailable"
    retry_after_s = 5


def is_away(error: Exception) -> bool:
    """Whether an error says that the database is down, as opposed to refusing what it was given."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _AWAY_STATES


def open_engine(url: str) -> Engine:
    """An engine for SQLite (WAL, full sync) or Postgres (short timeouts). Connects only when used.

    Errors never quote parameters: they would quote tweets.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_S}, pool_size=_THREADS)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        parsed,
        hide_parameters=True,
        pool_size=_THREADS + 1,
        max_overflow=0,
        pool_timeout=_BUSY_S,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_S,
            "options": _OPTIONS,
            "keepalives_idle": 3,
            "keepalives_interval": 1,
            "keepalives_count": 3,
            "tcp_user_timeout": 6_000,
        },
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a verdict survives a power cut once it is answered


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes cannot wait for another writer unless it said so at once.
    reads = connection.get_execution_options().get("vigie_read", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


class Database:
    """Runs use cases in a transaction each, in threads. `ready` is False until the schema is in place."""

    def __init__(self, url: str, calls: Calls | None = None) -> None:
        self.engine = open_engine(url)
        self._calls = calls
        self._place = self.engine.url.host or self.engine.url.get_backend_name()
        self.ready = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")

    async def write(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work(connection, *args)` in one transaction, committed when this returns.

        Raises DatabaseAway when the database is down; whatever `work` raises otherwise.
        """
        return await self._run(work, partial(self._transact, False, work, *args))

    async def read(self, work: Callable[..., T], *args: Any) -> T:
        """The same for a use case that only reads."""
        return await self._run(work, partial(self._transact, True, work, *args))

    async def _run(self, work: Callable[..., T], job: Callable[[], T]) -> T:
        if not self.ready:
            raise DatabaseAway("The database is not ready yet. Try again in a few seconds.")
        started_s, success = time.perf_counter(), True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, job)
        except Exception as error:
            success = is_answer(error)
            if is_away(error):
                raise DatabaseAway("The database does not answer. Try again in a few seconds.") from error
            raise
        finally:
            if self._calls is not None:
                seconds = time.perf_counter() - started_s
                self._calls.made("SQL", self._place, name_of(work), seconds, success=success)

    def _transact(self, reads: bool, work: Callable[..., T], *args: Any) -> T:
        with self.engine.connect().execution_options(vigie_read=reads) as connection, connection.begin():
            return work(connection, *args)

    async def close(self) -> None:
        """Wait for what runs, then close every connection. Safe to call twice."""
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()
