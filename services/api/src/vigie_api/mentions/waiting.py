"""How many mentions wait to be judged: counted in the database now and then, and kept up in between."""

import asyncio
import logging
import time
from typing import Final

from sqlalchemy import Connection, func, select

from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.mentions.metrics import MentionMetrics
from vigie_api.mentions.table import Stage, mentions
from vigie_api.problem import Problem

_log = logging.getLogger("vigie_api.mentions")
_EVERY_S: Final = 1.0
_AGAIN_S: Final = 5


class Backlog(Problem):
    """More wait to be judged than may."""

    status = 429
    slug = "backlog"
    title = "Too many mentions wait"
    retry_after_s = _AGAIN_S


def count_waiting(connection: Connection, at_most: int) -> tuple[int, float]:
    """How many wait, counted no further than `at_most`, and since when the oldest does, as time.time(); NaN: none."""
    here = mentions.c.stage == int(Stage.ACCEPTED)
    some = select(mentions.c.seq).where(here).order_by(mentions.c.seq).limit(at_most).subquery()
    number = connection.scalar(select(func.count()).select_from(some)) or 0
    oldest = select(mentions.c.received_at).where(here).order_by(mentions.c.seq).limit(1)
    since = connection.scalar(oldest)
    return number, float("nan") if since is None else since.timestamp()


class Waiting:
    """The count as this process knows it: at most a second old, and with what it added itself since."""

    def __init__(self, database: Database, metrics: MentionMetrics, most: int) -> None:
        self._database = database
        self._most = most
        self._number = 0
        self._oldest_s = float("nan")
        metrics.watch("vigie_mentions_waiting", "Mentions that wait to be judged.", lambda: self._number)
        metrics.watch("vigie_mentions_lag_seconds", "How long the oldest of them has waited.", lambda: self.lag_s)

    @property
    def number(self) -> int:
        """Mentions that wait, as far as is known here."""
        return self._number

    @property
    def lag_s(self) -> float:
        """How long the oldest has waited, in seconds; 0: none waits."""
        return max(0.0, time.time() - self._oldest_s) if self._oldest_s == self._oldest_s else 0.0

    def add(self, number: int) -> None:
        """More wait now, or fewer."""
        self._number = max(0, self._number + number)

    async def refresh(self) -> None:
        """Count. Raises DatabaseAway; what was known stays known."""
        self._number, self._oldest_s = await self._database.read(count_waiting, self._most + 1)

    def admit(self, elsewhere: int) -> None:
        """Let more in, unless too many wait; `elsewhere` are those not in the database yet. Raises Backlog."""
        if self._number + elsewhere >= self._most:
            raise Backlog(
                f"{self._most:,} mentions wait to be judged, as many as may. Nothing of this list was taken: "
                f"send it again in {_AGAIN_S} seconds."
            )

    async def run(self) -> None:
        """Count every second, until cancelled."""
        while True:
            try:
                await self.refresh()
            except DatabaseAway:
                _log.debug("the database is away; what waits could not be counted")
            except Exception:
                _log.exception("what waits could not be counted")
            await asyncio.sleep(_EVERY_S)
