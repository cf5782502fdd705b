"""The use case: take posts in, make them durable, and only then answer."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.mentions.metrics import MentionMetrics
from vigie_api.mentions.rows import MentionRow, insert_mentions, stamp
from vigie_api.mentions.schema import MentionIn, Receipt, Refusal
from vigie_api.mentions.spool import MentionSpool
from vigie_api.mentions.waiting import Waiting
from vigie_api.prediction.ids import IdSource

_log = logging.getLogger("vigie_api.mentions")
_PATIENCE_S: Final = 3.0  # a name that does not resolve, or a lock, may take the database's driver much longer
_SLICE: Final = 250  # mentions between two breaths of the event loop
AHEAD: Final = timedelta(minutes=5)
"""How far ahead of ours the clock of a source may be."""


class MentionDesk:
    """Takes mentions into the database, or into the spool while it is away. `spool` None: DatabaseAway instead."""

    def __init__(
        self,
        database: Database,
        spool: MentionSpool | None,
        waiting: Waiting,
        metrics: MentionMetrics,
        author_hash: Callable[[str], int] | None,
        *,
        max_chars: int,
        max_age: timedelta,
    ) -> None:
        self._database = database
        self._spool = spool
        self._waiting = waiting
        self._metrics = metrics
        self._author_hash = author_hash
        self._max_chars = max_chars
        self._max_age = max_age
        self._ids = IdSource()
        metrics.watch("vigie_mentions_spooled", "Mentions that wait on disk for the database.", lambda: self.spooled)
        self.taken = asyncio.Event()
        """Set whenever mentions came into the database; whoever waits for them clears it."""

    @property
    def spooled(self) -> int:
        """Mentions that wait on disk."""
        return 0 if self._spool is None else self._spool.mentions

    async def take(self, mentions: Sequence[MentionIn]) -> Receipt:
        """Take in what is new of these posts; what is accepted is durable when this returns.

        A post whose clock is too far ahead, that is too old or too long is refused; the others are taken. While the
        database is away, what it knows already cannot be told from what is new and counts as accepted; it is kept once.

        Raises Backlog when too many wait to be judged, DatabaseAway when the posts cannot be kept anywhere; nothing was
        taken then, or it may be sent again all the same.
        """
        self._waiting.admit(self.spooled)
        now = datetime.now(UTC)
        rows: dict[tuple[str, str], MentionRow] = {}
        refused: list[Refusal] = []
        for index, mention in enumerate(mentions):
            if index % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            reason = self._fault(mention, now)
            if reason is not None:
                refused.append(Refusal(index=index, external_id=mention.external_id, reason=reason))
            elif (mention.source, mention.external_id) not in rows:
                rows[mention.source, mention.external_id] = self._row(mention, now)
        accepted = await self._keep([rows[key] for key in sorted(rows)]) if rows else 0
        duplicates = len(mentions) - len(refused) - accepted
        for outcome, number in (("accepted", accepted), ("duplicate", duplicates), ("refused", len(refused))):
            self._metrics.count(outcome, number)
        return Receipt(accepted=accepted, duplicates=duplicates, refused=refused)

    def _fault(self, mention: MentionIn, now: datetime) -> str | None:
        if mention.created_at > now + AHEAD:
            return "created_at is in the future, by more than 5 minutes: check the clock and the offset from UTC"
        if mention.created_at < now - self._max_age:
            return f"created_at is more than {self._max_age.days:,} days ago"
        if len(mention.text) > self._max_chars:
            return f"text has more than {self._max_chars:,} characters"
        return None

    def _row(self, mention: MentionIn, now: datetime) -> MentionRow:
        hashed = self._author_hash
        return MentionRow(
            id=self._ids.next(),
            source=mention.source,
            external_id=mention.external_id,
            topic=mention.topic,
            created_at=stamp(mention.created_at),
            received_at=stamp(now),
            author_key=hashed(mention.author) if hashed is not None and mention.author else None,
            url=mention.url,
            reach=mention.reach,
            text=mention.text,
        )

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

    async def drain(self) -> int:
        """Move what waits in the spool to the database, in order; returns how many mentions. Raises DatabaseAway."""
        moved = 0
        if self._spool is None or not self._spool.depth:
            return moved
        for path in await asyncio.to_thread(self._spool.paths):
            rows = await asyncio.to_thread(self._spool.read, path)
            if rows is None:
                continue
            try:
                self._came_in(await self._database.write(insert_mentions, rows))
            except DatabaseAway:
                raise
            except Exception:
                _log.exception("the database refuses mentions of the spool", extra={"file": path.name})
                await asyncio.to_thread(self._spool.set_aside, path)
            else:
                await asyncio.to_thread(self._spool.done, path)
                moved += len(rows)
        return moved

    async def run(self, every_s: float) -> None:
        """Drain the spool every `every_s`, until cancelled."""
        while True:
            try:
                moved = await self.drain()
                if moved:
                    _log.info("the spool of mentions was drained", extra={"mentions": moved})
            except DatabaseAway:
                _log.debug("the database is still away")
            except Exception:
                _log.exception("the spool of mentions could not be drained")
            await asyncio.sleep(every_s)
