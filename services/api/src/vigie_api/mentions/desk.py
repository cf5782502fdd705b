"""The use case: take posts in, make them durable, and only then answer."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from vigie_api.database.draining import keep_draining
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.mentions.door import Door
from vigie_api.mentions.metrics import MentionMetrics
from vigie_api.mentions.reading import SHORT_BYTES, SLICE, read_long, read_short
from vigie_api.mentions.rows import MentionRow, insert_mentions
from vigie_api.mentions.schema import MentionIn, Receipt
from vigie_api.mentions.spool import MentionSpool
from vigie_api.mentions.waiting import Waiting

_log = logging.getLogger("vigie_api.mentions")
_PATIENCE_S: Final = 3.0  # a name that does not resolve, or a lock, may take the database's driver much longer


class MentionDesk:
    """Takes mentions into the database, or into the spool while it is away. `spool` None: DatabaseAway instead."""

    def __init__(
        self,
        database: Database,
        spool: MentionSpool | None,
        waiting: Waiting,
        metrics: MentionMetrics,
        door: Door,
        *,
        breathe: Callable[[float], object] = time.sleep,
    ) -> None:
        self._database = database
        self._spool = spool
        self._waiting = waiting
        self._metrics = metrics
        self._door = door
        self._breathe = breathe
        self._one_long_list = asyncio.Lock()  # two at a time would get in each other's way, and in everybody else's
        metrics.watch("vigie_mentions_spooled", "Mentions that wait on disk for the database.", lambda: self.spooled)
        self.taken = asyncio.Event()
        """Set whenever mentions came into the database; whoever waits for them clears it."""

    @property
    def spooled(self) -> int:
        """Mentions that wait on disk."""
        return 0 if self._spool is None else self._spool.mentions

    async def read(self, raw: bytes) -> list[MentionIn]:
        """The mentions of a body of POST /v1/mentions; a long one is read in a thread. Raises Problem."""
        if len(raw) <= SHORT_BYTES:
            return read_short(raw)
        async with self._one_long_list:
            return await asyncio.to_thread(read_long, raw, self._breathe)

    async def take(self, mentions: Sequence[MentionIn]) -> Receipt:
        """Take in what is new of these posts; what is accepted is durable when this returns.

        A post whose clock is too far ahead, that is too old or too long is refused; the others are taken. While the
        database is away, what it knows already cannot be told from what is new and counts as accepted; it is kept once.

        Raises Backlog when too many wait to be judged, DatabaseAway when the posts cannot be kept anywhere; nothing was
        taken then, or it may be sent again all the same.
        """
        self._waiting.admit(self.spooled)
        now = datetime.now(UTC)
        if len(mentions) <= SLICE:
            rows, refused = self._door.sort(mentions, now)
        else:
            async with self._one_long_list:
                rows, refused = await asyncio.to_thread(self._door.sort, mentions, now, self._breathe)
        accepted = await self._keep(rows) if rows else 0
        duplicates = len(mentions) - len(refused) - accepted
        for outcome, number in (("accepted", accepted), ("duplicate", duplicates), ("refused", len(refused))):
            self._metrics.count(outcome, number)
        return Receipt(accepted=accepted, duplicates=duplicates, refused=refused)

    async def _keep(self, rows: Sequence[MentionRow]) -> int:
        if self._spool is None:
            return self._came_in(await self._database.write(insert_mentions, rows))
        if not self._spool.depth:
            try:
                # The thread goes on, and may commit yet: what is drained from the spool then is there already, once.
                return self._came_in(await asyncio.wait_for(self._database.write(insert_mentions, rows), _PATIENCE_S))
            except (DatabaseAway, TimeoutError):
                _log.warning("the database is away: mentions go to the spool")
        try:
            await asyncio.to_thread(self._spool.append, rows)
        except OSError as error:
            raise DatabaseAway("Neither the database nor the spool takes mentions. Keep them, try again.") from error
        return len(rows)

    def _came_in(self, new: int) -> int:
        if new:
            self._waiting.add(new)
            self.taken.set()
        return new

    async def _replay(self, lists: Sequence[Sequence[MentionRow]]) -> None:
        for rows in lists:
            self._came_in(await self._database.write(insert_mentions, rows))

    async def run(self, every_s: float) -> None:
        """Move what waits in the spool to the database every `every_s`, until cancelled."""
        await keep_draining(self._spool, self._replay, every_s)
