"""Delivers what is in the outbox: events to telemetry at once, e-mails with patience. At least once, and only once
unless the process dies between the mail server's 250 and the mark in the database."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final, TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from vigie_api.alerts import outbox
from vigie_api.alerts.book import NoSuchAlert
from vigie_api.alerts.listing import find
from vigie_api.alerts.outbox import LEASE_S, Channel, Claim
from vigie_api.alerts.post import Post
from vigie_api.alerts.schema import AlertOut
from vigie_api.alerts.smtp import Conversation, NotReached, NotSent
from vigie_api.alerts.telling import told
from vigie_api.backoff import pause_after
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.telemetry.calls import Calls
from vigie_api.telemetry.events import Telemetry

_log = logging.getLogger("vigie_api.alerts")
_LOOK_S: Final = 0.5
_MARK_AGAIN_S: Final = 0.5
_KEEP_TRYING_S: Final = 7 * 86_400.0
_GRACE_S: Final = 10.0
_DEADLINE_S: Final = 700.0  # longer than every single wait of a conversation that goes on

T = TypeVar("T")


class Courier:
    """Delivers for one process. `post` None: no e-mail is sent from here, those that wait go on waiting."""

    def __init__(
        self, database: Database, telemetry: Telemetry, post: Post | None, *, retry_s: float, calls: Calls | None = None
    ) -> None:
        self._database = database
        self._telemetry = telemetry
        self._post = post
        self._retry_s = retry_s
        self._calls = calls
        self._unreached_s: float | None = None
        """When the mail server was last looked for in vain, as time.monotonic(); None: it was there."""
        self._unheard: dict[Channel, str] = {}
        """Leases that the database was asked for when it went away; for each channel one at most."""

    async def run(self, channel: Channel) -> None:
        """Deliver what is due on a channel until cancelled; what is under way then is finished, for ten seconds."""
        if channel == "email" and self._post is None:
            return
        while True:
            try:
                while await self._finishing(channel):
                    pass
                if channel == "email":
                    await self._look_for_the_server()
            except DatabaseAway:
                _log.debug("the database is away: alerts wait")
            except Exception:
                _log.exception("the outbox could not be worked through")
            await asyncio.sleep(_LOOK_S)

    async def _look_for_the_server(self) -> None:
        """Let one e-mail try again soon while nobody is there: the others wait ever longer, until it got through."""
        if self._unreached_s is not None and time.monotonic() - self._unreached_s >= self._retry_s:
            self._unreached_s = time.monotonic()
            await self._database.write(outbox.hasten, 1)

    async def _reached(self) -> None:
        """The mail server is there. What it missed is due."""
        if self._unreached_s is not None:
            self._unreached_s = None
            await self._patiently(outbox.hasten)

    async def _finishing(self, channel: Channel) -> bool:
        """Deliver one, and do not let go of it half-way: a mail that is sent must be marked as sent."""
        task = asyncio.ensure_future(self.deliver_one(channel))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task], timeout=_GRACE_S)
            task.cancel()
            await asyncio.wait([task])
            raise

    async def deliver_one(self, channel: Channel) -> bool:
        """Claim one delivery and try it; False when nothing is due. Raises DatabaseAway while nothing is delivered."""
        if channel in self._unheard:
            # It may have been claimed for us all the same. Nobody else would touch it until its lease ends.
            await self._database.write(outbox.let_go, self._unheard[channel])
        lease = self._unheard[channel] = str(uuid4())
        ours = await self._database.write(outbox.claim, channel, lease)
        if ours is None:
            del self._unheard[channel]
            return False
        try:
            alert = await self._database.read(_alert_of, ours)
        except DatabaseAway:
            raise
        except Exception as error:  # an alert that cannot be read must not hold up the others
            del self._unheard[channel]
            _log.exception("an alert cannot be read", extra={"alert_id": ours.alert_id})
            await self._postpone(ours, type(error).__name__, ours.recipients)
            return True
        del self._unheard[channel]
        if channel == "event":
            await self._tell(ours, alert)
        else:
            await self._mail(ours, alert)
        return True

    async def _tell(self, ours: Claim, alert: AlertOut | None) -> None:
        if alert is None:
            _log.warning("an alert was deleted before it was told", extra={"alert_id": ours.alert_id})
        else:
            self._telemetry.emit(told(alert))
        await self._patiently(outbox.delivered, ours)

    async def _mail(self, ours: Claim, alert: AlertOut | None) -> None:
        assert self._post is not None  # noqa: S101 - `run` made sure
        recipients = ours.recipients or self._post.recipients
        if alert is None:
            await self._postpone(ours, "its alert was deleted", ours.recipients)
            return
        try:
            message = self._post.letters.write(alert, ours.message_id, ours.step)
            with nullcontext() if self._calls is None else self._calls.timed("SMTP", self._post.server.host, "send"):
                refused = await self._send(ours, recipients, message)
        except NotReached as failure:
            self._unreached_s = time.monotonic()
            await self._postpone(ours, str(failure), ours.recipients)
        except NotSent as failure:
            await self._postpone(ours, str(failure), ours.recipients)
        except Exception as error:  # a letter that cannot be written must not hold up the others
            _log.exception("an alert's e-mail could not be written", extra={"alert_id": ours.alert_id})
            await self._postpone(ours, type(error).__name__, ours.recipients)
        else:
            if refused:
                await self._postpone(ours, f"refused for {len(refused)} of {len(recipients)} recipients", refused)
            else:
                await self._patiently(outbox.delivered, ours)
                _log.info("an alert's e-mail was sent", extra={"alert_id": ours.alert_id, "attempts": ours.attempts})
            await self._reached()

    async def _send(self, ours: Claim, recipients: Sequence[str], message: bytes) -> list[str]:
        assert self._post is not None  # noqa: S101 - as above
        conversation = Conversation(self._post.server)
        renewing = asyncio.create_task(self._renew(ours))
        sending = asyncio.create_task(asyncio.to_thread(conversation.send, self._post.sender, recipients, message))
        try:
            async with asyncio.timeout(_DEADLINE_S):
                return await asyncio.shield(sending)
        except (TimeoutError, asyncio.CancelledError):
            conversation.abort()
            await asyncio.wait([sending])
            if sending.exception() is None:
                return sending.result()
            raise
        finally:
            renewing.cancel()

    async def _renew(self, ours: Claim) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 4)
            try:
                await self._database.write(outbox.renew, ours)
            except DatabaseAway:
                _log.debug("the lease could not be renewed")

    async def _patiently(self, write: Callable[..., T], *args: Any) -> T:
        """Write what came of a delivery, however long the database is away: only the process's end ends the attempt."""
        while True:
            try:
                return await self._database.write(write, *args)
            except DatabaseAway:
                await asyncio.sleep(_MARK_AGAIN_S)

    async def _postpone(self, ours: Claim, error: str, left: Sequence[str] | None) -> None:
        pause_s = pause_after(ours.attempts, self._retry_s, random.random())
        again = await self._patiently(outbox.postpone, ours, error, pause_s, left, _KEEP_TRYING_S)
        told = {"alert_id": ours.alert_id, "attempts": ours.attempts, "reason": error, "again_in_s": round(pause_s)}
        if again:
            _log.warning("an alert's e-mail was not sent; it is tried again", extra=told)
        else:
            _log.error("an alert's e-mail was given up after a week", extra=told)


def _alert_of(connection: Connection, ours: Claim) -> AlertOut | None:
    try:
        return find(connection, ours.alert_id)
    except NoSuchAlert:
        return None
