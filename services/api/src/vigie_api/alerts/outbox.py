"""The outbox: what is to be told of an alert is a row, written with the alert, and claimed by one process at a time.

A claim is a lease: the row is due again when the lease ends, so nothing has to be cleaned up after a process that died.
Whoever works longer renews it. `due_at` is both the time of the next attempt and the end of the lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, func, insert, select, update

from vigie_api.alerts.table import alert_outbox as outbox

Channel = Literal["email", "event"]
LEASE_S: Final = 15.0
# Longer than a holder that lives takes to renew its lease, or to mark what it delivered, once the database is back.
NOTICE_S: Final = 5.0
LEFT: Final = "whoever had it has not been heard of"
# A few times what predictions wait before they are written: the letter quotes them.
_SETTLE: Final = timedelta(seconds=1)
_MAX_ERROR_CHARS: Final = 200
OPENED: Final = "opened"


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery that is ours until its lease ends. `recipients` None: nobody has it yet, it goes to all."""

    seq: int
    lease: str
    alert_id: str
    step: str
    message_id: str
    attempts: int
    created_at: datetime
    recipients: tuple[str, ...] | None


def clock(connection: Connection) -> datetime:
    """The time that all processes share: the database's. SQLite has one process, and ours is the same clock."""
    if connection.dialect.name == "postgresql":
        now = connection.scalar(select(func.clock_timestamp()))
        assert isinstance(now, datetime)  # noqa: S101 - narrows what the driver hands out as anything
        return now
    return datetime.now(UTC)


def post(connection: Connection, alert_id: str, *, mail_domain: str | None) -> None:
    """Write what is to be told of a new alert: an event, and an e-mail, which is off when no server is configured."""
    now = clock(connection)
    event = _row(alert_id, OPENED, now) | {"channel": "event", "message_id": f"{alert_id}.{OPENED}"}
    connection.execute(insert(outbox), [event, _email(alert_id, OPENED, now, mail_domain)])


def post_mail(connection: Connection, alert_id: str, *, step: str, mail_domain: str | None) -> None:
    """Write that a further e-mail is to be sent of an alert, one for each step. Written twice, it is sent once."""
    sent = select(outbox.c.seq).where(outbox.c.alert_id == alert_id, outbox.c.channel == "email", outbox.c.step == step)
    if connection.scalar(sent.limit(1)) is None:
        connection.execute(insert(outbox), [_email(alert_id, step, clock(connection), mail_domain)])


def _row(alert_id: str, step: str, now: datetime) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "step": step,
        "attempts": 0,
        "created_at": now,
        "state": "waiting",
        "due_at": now,
    }


def _email(alert_id: str, step: str, now: datetime, mail_domain: str | None) -> dict[str, Any]:
    return _row(alert_id, step, now) | {
        "channel": "email",
        "message_id": f"<{alert_id}.{step}@{mail_domain or 'vigie.invalid'}>",
        "state": "off" if mail_domain is None else "waiting",
        "due_at": now + _SETTLE,
    }


def claim(connection: Connection, channel: Channel, lease: str) -> Claim | None:
    """Take the delivery that is due longest, or None. Another process that asks meanwhile gets another one.

    `lease` is a name that nobody else has. A delivery whose lease ended is due again NOTICE_S later, unless its holder
    is heard of.
    """
    now = clock(connection)
    due = (outbox.c.state == "waiting") & (outbox.c.channel == channel) & (outbox.c.due_at <= now)
    # A lease ends while its holder lives, too: when the database was away, or the machine too busy to renew it. Taken
    # over at once, what it has just delivered would be delivered again. So it gets notice first.
    silent = due & outbox.c.lease.is_not(None) & outbox.c.error.is_distinct_from(LEFT)
    notice = {"error": LEFT, "due_at": now + timedelta(seconds=NOTICE_S)}
    connection.execute(update(outbox).where(silent).values(**notice))
    query = (
        select(outbox)
        .where(due)
        .order_by(outbox.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)  # SQLite has one writer and leaves it out
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    attempts = row["attempts"] + 1
    changed = {"lease": lease, "attempts": attempts, "due_at": now + timedelta(seconds=LEASE_S)}
    changed["error"] = _without_notice
    connection.execute(update(outbox).where(outbox.c.seq == row["seq"]).values(**changed))
    return Claim(
        seq=row["seq"],
        lease=lease,
        alert_id=row["alert_id"],
        step=row["step"],
        message_id=row["message_id"],
        attempts=attempts,
        created_at=row["created_at"],
        recipients=None if row["recipients"] is None else tuple(row["recipients"]),
    )


_without_notice = func.nullif(outbox.c.error, LEFT)


def let_go(connection: Connection, lease: str) -> None:
    """What was claimed under this name, if anything, is due now: nobody works at it."""
    held = (outbox.c.lease == lease) & (outbox.c.state == "waiting")
    values = {"lease": None, "due_at": clock(connection), "error": _without_notice}
    connection.execute(update(outbox).where(held).values(**values))


def hasten(connection: Connection, at_most: int | None = None) -> None:
    """Let e-mails that wait for another attempt be due now, the oldest first. What somebody works at stays theirs."""
    now = clock(connection)
    later = (
        select(outbox.c.seq)
        .where(outbox.c.channel == "email", outbox.c.state == "waiting", outbox.c.lease.is_(None))
        .where(outbox.c.attempts > 0, outbox.c.due_at > now)
        .order_by(outbox.c.seq)
        .limit(at_most)
    )
    is_free = outbox.c.lease.is_(None) & (outbox.c.state == "waiting")
    connection.execute(update(outbox).where(outbox.c.seq.in_(later.scalar_subquery()), is_free).values(due_at=now))


def renew(connection: Connection, ours: Claim) -> None:
    """Keep a claim for another lease."""
    due = clock(connection) + timedelta(seconds=LEASE_S)
    is_ours = (outbox.c.seq == ours.seq) & (outbox.c.lease == ours.lease)
    connection.execute(update(outbox).where(is_ours).values(due_at=due, error=_without_notice))


def delivered(connection: Connection, ours: Claim) -> None:
    """It arrived: never again. True whoever holds the lease by now."""
    values = {"state": "sent", "sent_at": clock(connection), "lease": None, "error": None, "recipients": None}
    connection.execute(update(outbox).where(outbox.c.seq == ours.seq).values(**values))


def postpone(
    connection: Connection, ours: Claim, error: str, pause_s: float, left: Sequence[str] | None, keep_trying_s: float
) -> bool:
    """Try again in `pause_s`, for the recipients that are `left` (None: all); False when it is too old for that."""
    now = clock(connection)
    given_up = now - ours.created_at > timedelta(seconds=keep_trying_s)
    values = {
        "state": "failed" if given_up else "waiting",
        "due_at": now + timedelta(seconds=pause_s),
        "lease": None,
        "error": error[:_MAX_ERROR_CHARS],
        "recipients": None if left is None else list(left),
    }
    is_ours = (outbox.c.seq == ours.seq) & (outbox.c.lease == ours.lease)
    connection.execute(update(outbox).where(is_ours, outbox.c.state == "waiting").values(**values))
    return not given_up
