"""Gauges of what waits for people: open alerts and the e-mails about them, counted in the database now and then."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from vigie_api.alerts.table import alert_outbox, alerts
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.telemetry.metrics import Metrics

_log = logging.getLogger("vigie_api.telemetry")
_KINDS: Final = ("misprediction", "drift", "surge", "operations")
_AGAIN_S: Final = 1.0
_GIVEN_UP_FOR: Final = timedelta(days=7)


class Backlog(NamedTuple):
    """Open alerts by kind; e-mails that wait, since when the oldest does, and those given up in the last week."""

    open: dict[str, int]
    waiting: int
    oldest: datetime | None
    given_up: int


def count(connection: Connection, now: datetime) -> Backlog:
    """Count what waits; every question is answered from an index of what is still open."""
    by_kind = select(alerts.c.kind, func.count()).where(alerts.c.acknowledged_at.is_(None)).group_by(alerts.c.kind)
    mails = alert_outbox.c.channel == "email"
    waiting = select(func.count(), func.min(alert_outbox.c.created_at)).where(mails, alert_outbox.c.state == "waiting")
    number, oldest = connection.execute(waiting).one()
    since = now - _GIVEN_UP_FOR
    failed = select(func.count()).where(mails, alert_outbox.c.state == "failed", alert_outbox.c.due_at >= since)
    found = {kind: int(amount) for kind, amount in connection.execute(by_kind)}
    return Backlog(found, int(number), oldest, int(connection.scalar(failed) or 0))


class BacklogGauges:
    """Keeps the gauges up to date."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def refresh(self) -> None:
        """Count, and show. Raises DatabaseAway; the gauges then keep what they showed."""
        now = datetime.now(UTC)
        backlog = await self._database.read(count, now)
        for kind in _KINDS:
            self._metrics.alerts_open.labels(kind).set(backlog.open.get(kind, 0))
        self._metrics.outbox_depth.set(backlog.waiting)
        age_s = 0.0 if backlog.oldest is None else max(0.0, (now - backlog.oldest).total_seconds())
        self._metrics.outbox_age.set(age_s)
        self._metrics.outbox_failed.set(backlog.given_up)

    async def run(self, every_s: float) -> None:
        """Refresh for ever; sooner again while the database is away, as it is at the start."""
        while True:
            pause_s = every_s
            try:
                await self.refresh()
            except DatabaseAway:
                pause_s = min(every_s, _AGAIN_S)
            except Exception:
                _log.exception("what waits could not be counted")
            await asyncio.sleep(pause_s)
