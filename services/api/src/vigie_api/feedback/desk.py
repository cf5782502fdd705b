"""The use case: take a verdict, make it durable, and only then answer."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from vigie_api.alerts.book import AlertBook
from vigie_api.database.draining import keep_draining
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.feedback.schema import FeedbackRequest
from vigie_api.feedback.spool import Spool
from vigie_api.feedback.table import Entry, hold, implied, keep, refuse_contradiction
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.recorder import Recorder
from vigie_api.problem import refuse_text
from vigie_api.telemetry.events import FeedbackReceived, Telemetry

_log = logging.getLogger("vigie_api.feedback")
_PATIENCE_S = 3.0  # a name that does not resolve, or a lock, may take the database's driver much longer
_TOGETHER = 20  # verdicts of the spool in one transaction; while it lasts, a new wrong one waits for the alerts' lock


class FeedbackDesk:
    """Takes verdicts into the database, or into the spool while it is away. `spool` None: DatabaseAway instead."""

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        spool: Spool | None,
        alerts: AlertBook,
        telemetry: Telemetry,
        *,
        max_chars: int,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._spool = spool
        self._alerts = alerts
        self._telemetry = telemetry
        self._max_chars = max_chars
        self._ids = IdSource()

    async def take(self, request: FeedbackRequest, given_by: str) -> tuple[Entry, bool]:
        """Keep a verdict of the caller of that name; returns it and whether it is new. Durable when this returns.

        Raises InvalidRequest when the correction contradicts the prediction, DatabaseAway when the verdict cannot be
        kept anywhere.
        """
        if request.text is not None and len(request.text) > self._max_chars:
            raise refuse_text(["text"], f"String should have at most {self._max_chars} characters", "string_too_long")
        entry = self._entry(request, given_by)
        kept, new, where = await self._keep(entry)
        if new:
            self._telemetry.emit(_received(kept, where))
        return kept, new

    def _entry(self, request: FeedbackRequest, given_by: str) -> Entry:
        # The prediction may still wait to be written; what it said is worth more than what the client repeats.
        pending = self._recorder.find(request.prediction_id)
        sentiment = pending.sentiment if pending else request.sentiment
        refuse_contradiction(request.verdict, request.correction, sentiment)
        return Entry(
            id=self._ids.next(),
            prediction_id=request.prediction_id,
            received_at=datetime.now(UTC),
            verdict=request.verdict,
            correction=implied(request.verdict, request.correction, sentiment),
            text=pending.text if pending else request.text,
            sentiment=sentiment,
            model_version=pending.model_version if pending else request.model_version,
            comment=request.comment,
            given_by=given_by,
            topic=pending.topic if pending else request.topic,
        )

    async def _keep(self, entry: Entry) -> tuple[Entry, bool, str]:
        if self._spool is None:
            return *await self._database.write(self._write, entry), "database"
        if not self._spool.depth:  # else it queues behind what waits: the last verdict counts
            try:
                # The thread goes on, and may commit yet: the spool is then replayed under the same id, which is once.
                return *await asyncio.wait_for(self._database.write(self._write, entry), _PATIENCE_S), "database"
            except (DatabaseAway, TimeoutError):
                _log.warning("the database is away: feedback goes to the spool")
        try:
            await asyncio.to_thread(self._spool.append, entry)
        except OSError as error:
            raise DatabaseAway("Neither the database nor the spool takes feedback. Keep it and try again.") from error
        return entry, True, "spool"

    def _write(self, connection: Connection, entry: Entry, *, replayed: bool = False) -> tuple[Entry, bool]:
        kept, new = keep(connection, entry, replayed=replayed)
        if new:
            self._alerts.judge(connection, kept)
        return kept, new

    def _write_again(self, connection: Connection, entries: Sequence[Entry]) -> None:
        # Everybody takes the locks of predictions before that of the alerts, so nobody waits for one who waits for him.
        hold(connection, [entry.prediction_id for entry in entries])
        for entry in entries:
            self._write(connection, entry, replayed=True)

    async def _replay(self, entries: Sequence[Entry]) -> None:
        await self._database.write(self._write_again, entries)

    async def run(self, every_s: float) -> None:
        """Move what waits in the spool to the database every `every_s`, until cancelled."""
        await keep_draining(self._spool, self._replay, every_s, together=_TOGETHER)


def _received(kept: Entry, where: str) -> FeedbackReceived:
    return FeedbackReceived(
        feedback_id=kept.id,
        prediction_id=kept.prediction_id,
        verdict=kept.verdict,
        model_version=kept.model_version,
        where=where,
        text=kept.text,
        sentiment=kept.sentiment,
        correction=kept.correction,
        given_by=kept.given_by,
    )
