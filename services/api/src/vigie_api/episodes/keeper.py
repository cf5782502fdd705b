"""Keeps the watch going: one process leads, the others stand by and take over within seconds when it dies.

On Postgres the leader holds a session-level advisory lock on a connection of its own, and takes its steps on that very
connection: when the connection is gone, so are the lock and the step, and nobody counts beside the next leader.

The connection is gone with the process at once, with its network after six seconds (database/engine.py). A process that
was stopped, or hangs, keeps it: so the server ends a leader's session that asked for nothing for five seconds, and one
that stopped in the middle of a step after thirty.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy import Connection, text

from vigie_api.alerts.outbox import clock
from vigie_api.database.engine import Database, DatabaseAway, is_away
from vigie_api.episodes.metrics import WatchMetrics
from vigie_api.episodes.watcher import Done, Watcher, is_waiting
from vigie_api.telemetry.calls import Calls

_log = logging.getLogger("vigie_api.watch")
_EVERY_S: Final = 2.0
_LOCK: Final = text("SELECT pg_try_advisory_lock(hashtextextended('the watch', 0))")
# For the session, which is the leader's alone. It asks every two seconds, and thinks for longer only in a step.
_PATIENCE: Final = text(
    "SELECT set_config('idle_session_timeout', '5s', false), "
    "set_config('idle_in_transaction_session_timeout', '30s', false)"
)


class WatchKeeper:
    """Runs the watch for one process."""

    def __init__(
        self, database: Database, watcher: Watcher, metrics: WatchMetrics, *, calls: Calls | None = None
    ) -> None:
        self._database = database
        self._watcher = watcher
        self._metrics = metrics
        self._calls = calls
        self._held: Connection | None = None
        self._locks = database.engine.dialect.name == "postgresql"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watch")

    async def turn(self) -> Done | None:
        """Take a step, if this process leads and anything is to be done. Raises DatabaseAway."""
        if not self._database.ready:
            raise DatabaseAway("The database is not ready yet.")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._turn)

    async def run(self) -> None:
        """Take steps until cancelled: one every two seconds, and more at once while mentions wait."""
        while True:
            more = False
            try:
                done = await self.turn()
                more = done is not None and done.more
            except DatabaseAway:
                _log.debug("the database is away: the watch waits")
            except Exception:
                self._metrics.failed()
                _log.exception("a step of the watch failed; it is taken again")
            await asyncio.sleep(0 if more else _EVERY_S)

    async def close(self) -> None:
        """Finish the step under way and let another process lead. Safe to call twice."""
        await asyncio.to_thread(self._thread.shutdown)
        self._let_go()

    def _turn(self) -> Done | None:
        try:
            done = self._step() if self._leads() else None
        except Exception as error:
            self._let_go()
            if is_away(error):
                raise DatabaseAway("The database does not answer.") from error
            raise
        self._metrics.show(done, leads=self._held is not None)
        return done

    def _step(self) -> Done | None:
        assert self._held is not None  # noqa: S101 - `_leads` made sure
        with self._held.execution_options(vigie_read=True).begin():
            now = clock(self._held)
            if not self._watcher.is_due(now) and not is_waiting(self._held):
                return None
        with self._held.execution_options(vigie_read=False).begin():
            if self._calls is None:
                return self._watcher.step(self._held, now)
            with self._calls.timed("SQL", self._held.engine.url.host or self._held.dialect.name, "watch"):
                return self._watcher.step(self._held, now)

    def _leads(self) -> bool:
        if self._held is not None:
            return True
        connection = self._database.engine.connect()
        try:
            if self._locks:
                leads = bool(connection.scalar(_LOCK))
                connection.commit()  # the lock is the session's and stays
                if not leads:
                    connection.close()
                    return False
                connection.execute(_PATIENCE)
                connection.commit()
                connection.detach()  # the pool gets another one in its place
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        self._held = connection
        self._watcher.forget()
        _log.info("this process leads the watch")
        return True

    def _let_go(self) -> None:
        held, self._held = self._held, None
        self._watcher.forget()
        if held is not None:
            if self._locks and not held.invalidated:
                session = held.connection.dbapi_connection
                held.invalidate()  # a detached connection is only let go by this
                if session is not None:
                    session.close()  # the session ends, and the lock with it
            held.close()
