"""The use case of people who look after an episode: seen, assigned, noted, called a false alarm."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from vigie_api.alerts.outbox import clock
from vigie_api.alerts.table import alerts
from vigie_api.episodes.listing import find, read_one
from vigie_api.episodes.schema import EpisodeDetail, EpisodePatch
from vigie_api.episodes.table import episodes, watch_topics


def patch(connection: Connection, episode_id: str, wanted: EpisodePatch, by: str) -> EpisodeDetail:
    """Change what `wanted` says, and return the episode. Its alert is acknowledged with it.

    Raises NoSuchEpisode.
    """
    row = find(connection, episode_id)
    changed: dict[str, Any] = {
        name: getattr(wanted, name) for name in ("assignee", "note") if name in wanted.model_fields_set
    }
    if wanted.false_alarm is not None:
        changed["false_alarm"] = wanted.false_alarm
    if changed:
        connection.execute(update(episodes).where(episodes.c.id == episode_id).values(**changed))
    if wanted.acknowledged:
        _acknowledge(connection, row["id"], row["alert_id"], by, clock(connection))
    if wanted.false_alarm is not None:
        _count_false_alarms(connection, row["topic"])
    return read_one(connection, episode_id)


def _acknowledge(connection: Connection, episode_id: str, alert_id: str | None, by: str, now: datetime) -> None:
    """Note who has seen it, once, here and on its alert."""
    seen = {"acknowledged_at": now, "acknowledged_by": by}
    unseen = episodes.c.acknowledged_at.is_(None)
    connection.execute(update(episodes).where(episodes.c.id == episode_id, unseen).values(**seen))
    if alert_id is not None:
        here = (alerts.c.id == alert_id) & alerts.c.acknowledged_at.is_(None)
        connection.execute(update(alerts).where(here).values(**seen))


def _count_false_alarms(connection: Connection, topic: str) -> None:
    """Counted anew each time, so that saying it twice, or taking it back, adds up."""
    # Locked first: a statement that waits for the row while it counts would not count what it waited for.
    connection.execute(select(watch_topics.c.topic).where(watch_topics.c.topic == topic).with_for_update())
    number = select(func.count()).where(episodes.c.topic == topic, episodes.c.false_alarm).scalar_subquery()
    connection.execute(update(watch_topics).where(watch_topics.c.topic == topic).values(false_alarms=number))
