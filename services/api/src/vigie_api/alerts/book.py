"""The book of alerts: opens them in the transaction that made them true, so that a verdict and its alert are one.

Every opening takes one lock of the database first. Processes that share a Postgres therefore open one after the other,
each seeing what the one before it committed: together they open exactly one alert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, exists, func, insert, select, text, update

from vigie_api.alerts.outbox import clock, post, post_mail
from vigie_api.alerts.rule import Policy, Wrong, burst, taking_in
from vigie_api.alerts.table import alert_verdicts, alerts
from vigie_api.database.engine import Database
from vigie_api.episodes.table import episodes
from vigie_api.feedback.table import Entry, feedback
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.table import predictions
from vigie_api.problem import Problem

Kind = Literal["misprediction", "drift", "surge", "operations"]
_MISPREDICTION: Final = "misprediction"
_SURGE: Final = "surge"
# The feedback table locks by prediction id, which has no space in it: these never meet.
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('the book of alerts', 0))")


class NoSuchAlert(Problem):
    """No alert has this id."""

    status = 404
    slug = "no-such-alert"
    title = "No such alert"


@dataclass(frozen=True, slots=True)
class _Candidate(Wrong):
    """What the rule looks at, and what the alert keeps of it."""

    feedback_id: str
    model_version: str | None


class AlertBook:
    """Opens, extends and acknowledges alerts. `mail_domain` is what Message-IDs end with; None: e-mail is off."""

    def __init__(self, database: Database, policy: Policy, *, mail_domain: str | None = None) -> None:
        self._database = database
        self._policy = policy
        self._mail_domain = mail_domain

    def judge(self, connection: Connection, entry: Entry) -> None:
        """Take note of a verdict, in the transaction that keeps it: it may open an alert, or join one.

        A verdict that does not count (it is no `wrong`, or a later one replaced it) changes nothing.
        """
        if entry.verdict != "wrong":
            return
        _lock(connection)
        if not connection.scalar(select(feedback.c.current).where(feedback.c.id == entry.id)):
            return
        at = entry.received_at
        near = connection.execute(
            select(alerts.c.id, alerts.c.opened_at)
            .where(alerts.c.kind == _MISPREDICTION)
            .where(alerts.c.opened_at > at - self._policy.cooldown, alerts.c.opened_at < at + self._policy.reach_back)
            .order_by(alerts.c.seq)
        ).all()
        chosen = taking_in([alert.opened_at for alert in near], at, self._policy)
        if chosen is not None:
            _join(connection, near[chosen].id, entry)
            return
        around = _around(connection, entry, self._policy)
        found = burst(around, self._policy, holding=entry.prediction_id)
        if found is not None:
            self._open_burst(connection, found)

    async def raise_alert(
        self, kind: Kind, key: str, evidence: Mapping[str, Any], model_version: str | None = None
    ) -> bool:
        """Open an alert of another kind and tell it; True when it is new.

        While one of this kind and key is open, and for the cooldown after its opening even when it was acknowledged,
        the evidence replaces the older one's instead, and nobody is told again. `evidence` must fit into JSON and hold
        no text of a tweet. Raises DatabaseAway.
        """
        return await self._database.write(self._raise, kind, key, dict(evidence), model_version)

    def _raise(
        self, connection: Connection, kind: Kind, key: str, evidence: dict[str, Any], model_version: str | None
    ) -> bool:
        _lock(connection)
        now = clock(connection)
        still_there = alerts.c.acknowledged_at.is_(None) | (alerts.c.opened_at > now - self._policy.cooldown)
        same = (alerts.c.kind == kind) & (alerts.c.key == key) & still_there
        known = connection.scalar(select(alerts.c.seq).where(same).order_by(alerts.c.seq.desc()).limit(1))
        if known is not None:
            changed = {"evidence": evidence, "updated_at": now, "count": alerts.c.count + 1}
            connection.execute(update(alerts).where(alerts.c.seq == known).values(**changed))
            return False
        self._open(connection, IdSource().next(), kind, key, now, evidence, model_version, 1)
        return True

    def open_surge(self, connection: Connection, episode_id: str, evidence: Mapping[str, Any], at: datetime) -> str:
        """Open the alert of an episode and tell it, in the transaction that found it; returns the alert's id.

        `evidence` must fit into JSON and hold no text of a tweet. One episode has one alert, whoever has seen it.
        """
        alert_id = IdSource().next()
        self._open(connection, alert_id, _SURGE, episode_id, at, dict(evidence), None, 1)
        return alert_id

    def escalate_surge(
        self, connection: Connection, alert_id: str, evidence: Mapping[str, Any], at: datetime, *, tell: str | None
    ) -> None:
        """Renew the evidence of a surge that got worse; `tell` names the step of the e-mail about it, sent once."""
        changed = {"evidence": dict(evidence), "updated_at": at, "count": alerts.c.count + 1}
        connection.execute(update(alerts).where(alerts.c.id == alert_id).values(**changed))
        if tell is not None:
            post_mail(connection, alert_id, step=tell, mail_domain=self._mail_domain)

    async def acknowledge(self, alert_id: str, by: str, note: str | None) -> None:
        """Note who has seen an alert, once: the first acknowledgement stays. Raises NoSuchAlert, DatabaseAway."""
        await self._database.write(_acknowledge, alert_id, by, note)

    def _open_burst(self, connection: Connection, found: Sequence[_Candidate]) -> None:
        opened_at = found[-1].received_at
        version = next((wrong.model_version for wrong in reversed(found) if wrong.model_version is not None), None)
        evidence = {"window_s": self._policy.window_s, "burst": len(found)}
        alert_id = IdSource().next()
        # The key is its own: what keeps bursts apart is the rule, not who has seen the one before.
        self._open(connection, alert_id, _MISPREDICTION, alert_id, opened_at, evidence, version, len(found))
        for position, wrong in enumerate(found):
            _add(connection, alert_id, position, wrong.feedback_id, wrong.prediction_id, wrong.received_at)

    def _open(
        self,
        connection: Connection,
        alert_id: str,
        kind: Kind,
        key: str,
        opened_at: datetime,
        evidence: dict[str, Any],
        model_version: str | None,
        count: int,
    ) -> None:
        row = {"id": alert_id, "kind": kind, "key": key, "opened_at": opened_at, "updated_at": opened_at}
        row |= {"model_version": model_version, "count": count, "evidence": evidence}
        connection.execute(insert(alerts).values(**row))
        post(connection, alert_id, mail_domain=self._mail_domain)


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(_LOCK)


def _candidates() -> Select[Any]:
    """Wrong verdicts that count now and are in no alert yet."""
    taken = exists().where(alert_verdicts.c.feedback_id == feedback.c.id)
    return (
        select(
            feedback.c.id.label("feedback_id"),
            feedback.c.prediction_id,
            feedback.c.received_at,
            func.coalesce(predictions.c.model_version, feedback.c.model_version).label("model_version"),
        )
        .select_from(feedback.outerjoin(predictions, predictions.c.id == feedback.c.prediction_id))
        .where(feedback.c.current, feedback.c.verdict == "wrong", ~taken)
    )


def _around(connection: Connection, entry: Entry, policy: Policy) -> list[_Candidate]:
    """The verdict and its nearest neighbours in time: more than the rule counts on either side cannot matter."""
    at, others, received = entry.received_at, _candidates().where(feedback.c.id != entry.id), feedback.c.received_at
    queries = (
        _candidates().where(feedback.c.id == entry.id),
        others.where(received <= at, received > at - policy.window).order_by(received.desc()).limit(policy.count - 1),
        others.where(received > at, received < at + policy.window).order_by(received).limit(policy.count - 1),
    )
    return [_Candidate(**row) for query in queries for row in connection.execute(query).mappings()]


def _join(connection: Connection, alert_id: str, entry: Entry) -> None:
    """Let an alert take in a verdict. One on a prediction that it holds already replaces the older one."""
    here = alert_verdicts.c.alert_id == alert_id
    held = here & (alert_verdicts.c.prediction_id == entry.prediction_id)
    known = connection.execute(select(alert_verdicts.c.position).where(held)).first()
    changed: dict[str, Any] = {"updated_at": clock(connection)}
    if known is not None:
        newer = {"feedback_id": entry.id, "received_at": entry.received_at}
        connection.execute(update(alert_verdicts).where(held).values(**newer))
    else:
        # The lock is ours, so the count is the next free position.
        position = connection.execute(select(alerts.c.count).where(alerts.c.id == alert_id)).scalar_one()
        _add(connection, alert_id, position, entry.id, entry.prediction_id, entry.received_at)
        changed["count"] = alerts.c.count + 1
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(**changed))


def _add(
    connection: Connection, alert_id: str, position: int, feedback_id: str, prediction_id: str, received_at: datetime
) -> None:
    row = {"alert_id": alert_id, "position": position, "feedback_id": feedback_id}
    row |= {"prediction_id": prediction_id, "received_at": received_at}
    connection.execute(insert(alert_verdicts).values(**row))


def _acknowledge(connection: Connection, alert_id: str, by: str, note: str | None) -> None:
    here = alerts.c.id == alert_id
    both = {"acknowledged_at": clock(connection), "acknowledged_by": by}
    # A surge's episode is seen with it, and first: whoever changes both begins with the episode, or they would wait
    # for each other. The note stays the alert's, for the episode has one of its own.
    unseen = (episodes.c.alert_id == alert_id) & episodes.c.acknowledged_at.is_(None)
    connection.execute(update(episodes).where(unseen).values(**both))
    done = connection.execute(update(alerts).where(here, alerts.c.acknowledged_at.is_(None)).values(**both, note=note))
    if not done.rowcount and connection.scalar(select(alerts.c.seq).where(here)) is None:
        raise NoSuchAlert("No alert has this id. GET /v1/alerts lists them.")
