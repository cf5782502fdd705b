"""Retention: what is older than a number of days is deleted, or loses its words. One pass, in small transactions.

A prediction that somebody judged stays as long as its newest verdict does. Aggregates stay: daily profiles, counters,
the trail of promotions. Of what is anonymised there stays what statistics need: times, sentiments, scores, languages,
versions; the text, the comment and who judged go.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Column, ColumnElement, Connection, delete, func, or_, select, update

from vigie_api.alerts.table import alert_outbox, alert_verdicts, alerts
from vigie_api.episodes.table import episodes
from vigie_api.episodes.taking import upsert
from vigie_api.feedback.table import feedback
from vigie_api.mentions.rows import mark_of
from vigie_api.mentions.table import Stage, mention_tombstones, mentions
from vigie_api.prediction.table import predictions
from vigie_api.privacy.counts import end, old_counts, old_tombstones
from vigie_api.settings import Settings
from vigie_api.shadow.table import shadow_scores

Action = Literal["delete", "anonymise"]
BATCH: Final = 250
Mark = tuple[datetime, Any]
"""Where a walk has come to: the time and the key of the last row."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept for how long; None: for ever. `cooldown`: a later alert looks back that far for an earlier one.

    `accepted`: older posts are not taken in, so that nothing need be known of those that went.
    """

    action: Action
    texts: timedelta | None
    judged: timedelta | None
    cooldown: timedelta = timedelta(0)
    counts: timedelta | None = None
    accepted: timedelta = timedelta(days=7_300)


def policy_of(settings: Settings) -> Policy | None:
    """The policy that the settings ask for; None when everything is kept."""
    texts, judged = settings.retention_days, settings.retention_feedback_days
    judged = texts if judged is None else judged
    counts = settings.retention_counts_days
    if not texts and not judged and not counts:
        return None
    return Policy(
        settings.retention_action,
        timedelta(days=texts) if texts else None,
        timedelta(days=judged) if judged else None,
        timedelta(seconds=settings.alert_cooldown_s),
        timedelta(days=counts) if counts else None,
        timedelta(days=settings.mentions_max_age_days),
    )


def words_since(settings: Settings, now: datetime) -> datetime | None:
    """Since when predictions that nobody judged have their texts; None: as far back as there are any."""
    policy = policy_of(settings)
    if policy is None or policy.action == "delete" or policy.texts is None:
        return None
    return now - policy.texts


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two times, where None is the earliest of all."""
    return max((time for time in (one, other) if time is not None), default=None)


class Sweep:
    """Walks once through what is old, from where the walk before it ended. With `dry_run` it counts, from the start."""

    def __init__(self, policy: Policy, *, dry_run: bool = False) -> None:
        self._policy = policy
        self._dry_run = dry_run
        self._marks: dict[str, Mark] = {}

    def run(self, connection: Connection, now: datetime, rest: Callable[[], bool] = lambda: True) -> Counter[str]:
        """One pass on a connection without a transaction; how many rows, by table.

        Between two transactions `rest` may take its time; the pass ends early when it says False.
        """
        policy = self._policy
        done: Counter[str] = Counter()
        self._marks.pop(alerts.name, None)  # they are few, and one passed over may have been acknowledged since
        if policy.judged is not None:
            before = now - policy.judged
            self._walk(connection, feedback.c.received_at, feedback.c.seq, before, now, self._verdicts, done, rest)
            quiet = min(before, now - policy.cooldown)
            self._walk(connection, alerts.c.opened_at, alerts.c.seq, quiet, now, self._alerts, done, rest)
            self._walk(connection, episodes.c.opened_at, episodes.c.id, before, now, self._episodes, done, rest)
        if policy.texts is not None:
            before = now - policy.texts
            self._walk(
                connection, predictions.c.created_at, predictions.c.id, before, now, self._predictions, done, rest
            )
            self._unjudgeable(connection, before, done, rest)
        if policy.counts is not None:
            end(connection, old_counts(connection, now - policy.counts), done, rest, dry_run=self._dry_run)
        end(connection, old_tombstones(now - policy.accepted), done, rest, dry_run=self._dry_run)
        return done

    def _walk(
        self,
        connection: Connection,
        at: Column[datetime],
        key: Column[Any],
        before: datetime,
        now: datetime,
        handle: Callable[[Connection, Sequence[Any], datetime], Counter[str]],
        done: Counter[str],
        rest: Callable[[], bool],
    ) -> None:
        name = at.table.name
        while True:
            query = select(key).add_columns(at).where(at < before).order_by(at, key).limit(BATCH)
            mark = self._marks.get(name)
            if mark is not None:
                query = query.where(at >= mark[0], or_(at > mark[0], key > mark[1]))
            with connection.begin():
                rows = connection.execute(query).all()
                if rows:
                    done.update(handle(connection, [row[0] for row in rows], now))
            if rows:
                self._marks[name] = (rows[-1][1], rows[-1][0])
            if len(rows) < BATCH or not rest():
                return

    def _verdicts(self, connection: Connection, keys: Sequence[int], now: datetime) -> Counter[str]:
        here = feedback.c.seq.in_(keys)
        concerned = connection.scalars(select(feedback.c.prediction_id).where(here)).all()
        said = or_(feedback.c.text.is_not(None), feedback.c.comment.is_not(None), feedback.c.given_by.is_not(None))
        done = self._end(connection, here, said, {"text": None, "comment": None, "given_by": None}, feedback.c.seq)
        # Predictions that only these verdicts kept: the walk through predictions may be beyond them. A dry run is not.
        if self._policy.texts is not None and not self._dry_run:
            old = predictions.c.created_at < now - self._policy.texts
            found = select(predictions.c.id).where(predictions.c.id.in_(concerned), old)
            done.update(self._predictions(connection, connection.scalars(found).all(), now))
        return done

    def _predictions(self, connection: Connection, keys: Sequence[str], now: datetime) -> Counter[str]:
        kept = select(feedback.c.prediction_id).where(feedback.c.prediction_id.in_(keys))
        if self._policy.judged is not None:
            kept = kept.where(feedback.c.received_at >= now - self._policy.judged)
        going = sorted(set(keys) - set(connection.scalars(kept)))
        here = predictions.c.id.in_(going)
        done = self._end(connection, here, predictions.c.text != "", {"text": ""}, predictions.c.id)
        done.update(self._mentions(connection, mentions.c.id.in_(going)))
        if self._policy.action == "delete":
            done.update(
                self._end(connection, shadow_scores.c.prediction_id.in_(going), None, {}, shadow_scores.c.version)
            )
        return done

    def _mentions(self, connection: Connection, here: ColumnElement[bool]) -> Counter[str]:
        # The id at the source leads to the post as well as its address does; ours stays, and no other post has it.
        traces = or_(
            mentions.c.text.is_not(None),
            mentions.c.url.is_not(None),
            mentions.c.author_key.is_not(None),
            mentions.c.external_id != mentions.c.id,
        )
        if not self._dry_run:
            self._bury(connection, here)
        blank = {"text": None, "url": None, "author_key": None, "external_id": mentions.c.id}
        return self._end(connection, here, traces, blank, mentions.c.seq)

    def _bury(self, connection: Connection, here: ColumnElement[bool]) -> None:
        """Keep what tells a post that comes again; of one that lost its id before, that was kept then."""
        known = (mentions.c.source, mentions.c.external_id, mentions.c.created_at)
        query = select(*known).where(here, mentions.c.external_id != mentions.c.id)
        rows = [
            {"mark": mark_of(source, external_id), "posted_at": created_at}
            for source, external_id, created_at in connection.execute(query)
        ]
        upsert(connection, mention_tombstones, rows, replacing=("posted_at",))

    def _unjudgeable(
        self, connection: Connection, before: datetime, done: Counter[str], rest: Callable[[], bool]
    ) -> None:
        """Mentions that no model could judge: they are few, and no prediction takes them along."""
        old = (mentions.c.stage == int(Stage.SET_ASIDE)) & (mentions.c.received_at < before)
        query = select(mentions.c.seq).where(old).order_by(mentions.c.seq).limit(BATCH)
        last = 0
        while True:
            with connection.begin():
                keys = connection.scalars(query.where(mentions.c.seq > last)).all()
                if keys:
                    done.update(self._mentions(connection, mentions.c.seq.in_(keys)))
            if len(keys) < BATCH or not rest():
                return
            last = keys[-1]

    def _alerts(self, connection: Connection, keys: Sequence[int], _now: datetime) -> Counter[str]:
        waiting = select(alert_outbox.c.alert_id).where(alert_outbox.c.state == "waiting")
        seen = alerts.c.seq.in_(keys) & alerts.c.acknowledged_at.is_not(None) & alerts.c.id.not_in(waiting)
        ids = connection.scalars(select(alerts.c.id).where(seen)).all()
        noted = or_(alerts.c.note.is_not(None), alerts.c.acknowledged_by.is_not(None))
        done = self._end(connection, alerts.c.id.in_(ids), noted, {"note": None, "acknowledged_by": None}, alerts.c.id)
        addressed = alert_outbox.c.recipients.is_not(None)
        done.update(
            self._end(connection, alert_outbox.c.alert_id.in_(ids), addressed, {"recipients": None}, alert_outbox.c.seq)
        )
        if self._policy.action == "delete":
            done.update(self._end(connection, alert_verdicts.c.alert_id.in_(ids), None, {}, alert_verdicts.c.alert_id))
        return done

    def _episodes(self, connection: Connection, keys: Sequence[str], _now: datetime) -> Counter[str]:
        """Those that are over. None stays open for longer than two days, so that none is passed over."""
        over = episodes.c.id.in_(keys) & (episodes.c.state == "closed")
        people = {"note": None, "assignee": None, "acknowledged_by": None}
        holding = or_(*(episodes.c[name].is_not(None) for name in people))
        return self._end(connection, over, holding, people, episodes.c.id)

    def _end(
        self,
        connection: Connection,
        here: ColumnElement[bool],
        holding: ColumnElement[bool] | None,
        blank: dict[str, Any],
        key: Column[Any],
    ) -> Counter[str]:
        """Delete rows, or replace what those `holding` something hold by what is `blank`. A dry run counts them."""
        table, deletes = key.table, self._policy.action == "delete"
        where = here if deletes or holding is None else here & holding
        if self._dry_run:
            return Counter({table.name: connection.scalar(select(func.count()).select_from(table).where(where)) or 0})
        statement = delete(table).where(where) if deletes else update(table).where(where).values(blank)
        return Counter({table.name: connection.execute(statement).rowcount})
