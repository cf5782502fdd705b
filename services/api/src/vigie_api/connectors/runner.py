"""Runs a connector: read a batch, make it durable, and only then move the cursor.

A crash anywhere in between makes the next process read the batch again, and the mentions' ids take out what is there
already: nothing is lost, nothing is there twice.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from uuid import uuid4

from vigie_api.backoff import pause_after
from vigie_api.connectors import ledger
from vigie_api.connectors.metrics import ConnectorMetrics, Failure
from vigie_api.connectors.source import Batch, Source, SourceAway, SourceRefuses
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.mentions.schema import MentionIn, Receipt
from vigie_api.problem import Problem

_log = logging.getLogger("vigie_api.connectors")
_TRANSIENT: Final = frozenset({429, 503})
_FAILING_AFTER: Final = 5  # attempts: what is away for so long may need somebody
T = TypeVar("T")


class Taker(Protocol):
    """Makes mentions durable."""

    async def take(self, mentions: Sequence[MentionIn]) -> Receipt:
        """Durable when it returns."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. With the lease of the ledger, another process goes on at most 8 + `look_s` after the one that died."""

    look_s: float = 2.0
    renew_s: float = 2.5
    retry_s: float = 1.0
    longest_retry_s: float = 60.0
    refused_s: float = 300.0
    longest_wait_s: float = 960.0  # the longest window of the rate limits that we know has 900


class LeaseLost(Exception):  # noqa: N818 - reads as what happened
    """Another process runs the connector by now."""


class Runner:
    """Runs one connector whenever no other process does."""

    def __init__(
        self,
        name: str,
        source: Source,
        database: Database,
        taker: Taker,
        metrics: ConnectorMetrics,
        *,
        pace: Pace | None = None,
    ) -> None:
        self._name = name
        self._source = source
        self._database = database
        self._taker = taker
        self._metrics = metrics
        self._pace = pace or Pace()
        self._owner = str(uuid4())
        self._trouble: str | None = None

    async def run(self) -> None:
        """Lead, or wait for the lead, for ever."""
        while True:
            try:
                if await self._database.write(ledger.claim, self._name, self._owner):
                    await self._lead()
            except DatabaseAway:
                _log.debug("the database is away: no connector is claimed")
            except Exception:
                _log.exception("a connector could not be claimed", extra={"connector": self._name})
            await asyncio.sleep(self._pace.look_s)

    async def _lead(self) -> None:
        """Read until the lease is lost. When this is cancelled, the lease is given back."""
        _log.info("a connector starts here", extra={"connector": self._name})
        self._metrics.leads(self._name, leads=True)
        reading = asyncio.create_task(self._read_for_ever())
        try:
            while not reading.done():
                await asyncio.wait([reading], timeout=self._pace.renew_s)
                with suppress(DatabaseAway):
                    if not await self._database.write(ledger.renew, self._name, self._owner):
                        break
        finally:
            self._metrics.leads(self._name, leads=False)
            reading.cancel()
            await asyncio.wait([reading])
            with suppress(DatabaseAway):
                await self._database.write(ledger.release, self._name, self._owner)
            _log.info("a connector ends here", extra={"connector": self._name})

    async def _read_for_ever(self) -> None:
        attempts = 0
        while True:
            progress = _Progress()
            try:
                await self._read_once(progress)
            except LeaseLost:
                return
            except SourceRefuses as error:
                attempts = 0
                await self._tell("refuses", "failing", str(error))
                pause_s = self._pace.refused_s
            except SourceAway as error:
                attempts = 1 if progress.made else attempts + 1
                await self._tell("away", "failing" if attempts >= _FAILING_AFTER else "waiting", str(error))
                pause_s = self._pause(attempts, error.retry_after_s)
            except DatabaseAway:
                attempts = 1 if progress.made else attempts + 1
                self._metrics.failed(self._name, "database")
                pause_s = self._pause(attempts, None)
            except Exception as error:  # a fault of ours in one connector stops neither the others nor the service
                attempts = 1 if progress.made else attempts + 1
                _log.exception("a connector failed", extra={"connector": self._name})
                await self._tell("unexpected", "failing", f"Unexpected {type(error).__name__}; see the log.")
                pause_s = self._pause(attempts, None)
            else:
                attempts = 0
                pause_s = self._source.pause_s
            await asyncio.sleep(pause_s)

    async def _read_once(self, progress: "_Progress") -> None:
        entries = await self._database.read(ledger.read, [self._name])
        if self._name not in entries:
            raise LeaseLost
        async with aclosing(self._source.read(entries[self._name].cursor)) as batches:
            async for batch in batches:
                await self._hand_over(batch)
                progress.made = True
        if not progress.made:  # nothing was new: that is well, too
            await self._database.write(ledger.tell, self._name, self._owner, "running", None)

    async def _hand_over(self, batch: Batch) -> None:
        """Make a batch durable, then move the cursor. Waits as long as the other side of either asks for."""
        taken = 0
        if batch.mentions:
            receipt = await self._patiently(lambda: self._taker.take(batch.mentions))
            taken = receipt.accepted
            self._metrics.read(self._name, "accepted", taken)
            self._metrics.read(self._name, "duplicate", receipt.duplicates)
            self._metrics.read(self._name, "refused", len(receipt.refused))
        self._metrics.read(self._name, "malformed", batch.malformed)
        if batch.trouble is not None and batch.trouble != self._trouble:
            self._metrics.failed(self._name, "refuses")
            _log.warning("a part of a connector does not go on", extra=self._told(batch.trouble))
        self._trouble = batch.trouble
        save = (ledger.save, self._name, self._owner, batch.cursor, taken, batch.trouble)
        if not await self._patiently(lambda: self._database.write(*save)):
            raise LeaseLost

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, again and again while it is not possible now. Raises whatever waiting does not help against."""
        attempts = 0
        while True:
            try:
                return await work()
            except Problem as problem:
                if problem.status not in _TRANSIENT:
                    raise
                attempts += 1
                if isinstance(problem, DatabaseAway):
                    self._metrics.failed(self._name, "database")
                else:
                    await self._tell("overloaded", "waiting", problem.detail)
                asked = problem.headers.get("Retry-After", "")
                pause_s = self._pause(attempts, float(asked) if asked.isdecimal() else None)
            await asyncio.sleep(pause_s)

    def _pause(self, attempts: int, asked_s: float | None) -> float:
        pause_s = min(pause_after(attempts, self._pace.retry_s, random.random()), self._pace.longest_retry_s)
        return pause_s if asked_s is None else min(max(asked_s, 0.0), self._pace.longest_wait_s) + pause_s

    def _told(self, reason: str) -> dict[str, str]:
        return {"connector": self._name, "reason": reason}

    async def _tell(self, reason: Failure, state: ledger.State, message: str) -> None:
        self._metrics.failed(self._name, reason)
        _log.warning("a connector does not go on", extra=self._told(message))
        with suppress(DatabaseAway):
            await self._database.write(ledger.tell, self._name, self._owner, state, message)


@dataclass(slots=True)
class _Progress:
    """Whether an attempt got anywhere: one that did is not held against the next."""

    made: bool = False
