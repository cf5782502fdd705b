"""Reading alerts: pages, one alert, and the number that nobody has seen yet."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from vigie_api.alerts.book import NoSuchAlert
from vigie_api.alerts.schema import AlertOut, EmailOut, Kind, State, WrongVerdict
from vigie_api.alerts.table import alert_outbox, alert_verdicts, alerts
from vigie_api.database.engine import Database
from vigie_api.feedback.table import feedback, implied
from vigie_api.prediction.table import predictions

_CURSOR = "a"
_VERDICTS_IN_A_LIST = 10
_VERDICTS_OF_ONE = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts: `since` inclusive, `until` exclusive (opening); `before` is where a page starts."""

    state: State | None = None
    kind: Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def encode_cursor(seq: int) -> str:
    """The cursor of the page that follows `seq`."""
    return f"{_CURSOR}{seq}"


def decode_cursor(cursor: str) -> int:
    """The `seq` in a cursor that matches `schema.CURSOR_PATTERN`."""
    return int(cursor.removeprefix(_CURSOR))


async def read_page(database: Database, filters: Filters, limit: int) -> tuple[list[AlertOut], int, int | None]:
    """One page, newest first; how many alerts are open at all; the `before` of the next page. Raises DatabaseAway."""
    return await database.read(_page, filters, limit)


async def read_one(database: Database, alert_id: str) -> AlertOut:
    """One alert. Raises NoSuchAlert, DatabaseAway."""
    return await database.read(find, alert_id)


def find(connection: Connection, alert_id: str, *, verdicts: int = _VERDICTS_OF_ONE) -> AlertOut:
    """One alert with as many verdicts, the first ones. Raises NoSuchAlert."""
    rows = connection.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().all()
    if not rows:
        raise NoSuchAlert("No alert has this id. GET /v1/alerts lists them.")
    return _complete(connection, rows, verdicts)[0]


def _page(connection: Connection, filters: Filters, limit: int) -> tuple[list[AlertOut], int, int | None]:
    unseen = alerts.c.acknowledged_at.is_(None)
    query = select(alerts).order_by(alerts.c.seq.desc()).limit(limit + 1)
    if filters.state is not None:
        query = query.where(unseen if filters.state == "open" else ~unseen)
    if filters.kind is not None:
        query = query.where(alerts.c.kind == filters.kind)
    if filters.since is not None:
        query = query.where(alerts.c.opened_at >= filters.since)
    if filters.until is not None:
        query = query.where(alerts.c.opened_at < filters.until)
    if filters.before is not None:
        query = query.where(alerts.c.seq < filters.before)
    rows = connection.execute(query).mappings().all()
    page = rows[:limit]
    following = page[-1]["seq"] if len(rows) > limit else None
    still_open = connection.scalar(select(func.count()).select_from(alerts).where(unseen)) or 0
    return _complete(connection, page, _VERDICTS_IN_A_LIST), still_open, following


def _complete(connection: Connection, rows: Sequence[RowMapping], verdicts: int) -> list[AlertOut]:
    ids = [row["id"] for row in rows]
    emails = _emails(connection, ids)
    wrong = _verdicts(connection, [row["id"] for row in rows if row["kind"] == "misprediction"], verdicts)
    found = []
    for row in rows:
        evidence: dict[str, Any] = dict(row["evidence"])
        if row["kind"] == "misprediction":
            evidence["verdicts"] = [verdict.model_dump(mode="json") for verdict in wrong[row["id"]]]
        found.append(
            AlertOut(
                **{name: row[name] for name in row if name in AlertOut.model_fields and name != "evidence"},
                state="open" if row["acknowledged_at"] is None else "acknowledged",
                evidence=evidence,
                emails=emails[row["id"]],
            )
        )
    return found


def _emails(connection: Connection, ids: Sequence[str]) -> dict[str, list[EmailOut]]:
    query = select(alert_outbox).where(alert_outbox.c.alert_id.in_(ids), alert_outbox.c.channel == "email")
    found: dict[str, list[EmailOut]] = defaultdict(list)
    for row in connection.execute(query.order_by(alert_outbox.c.seq)).mappings():
        found[row["alert_id"]].append(EmailOut(**{name: row[name] for name in EmailOut.model_fields}))
    return found


def _verdicts(connection: Connection, ids: Sequence[str], most: int) -> dict[str, list[WrongVerdict]]:
    """The first verdicts of each alert, in the order in which it took them in."""
    query = (
        select(
            alert_verdicts.c.alert_id,
            alert_verdicts.c.feedback_id,
            alert_verdicts.c.prediction_id,
            alert_verdicts.c.received_at,
            feedback.c.verdict,
            feedback.c.correction,
            feedback.c.current,
            func.coalesce(func.nullif(predictions.c.text, ""), feedback.c.text).label("text"),
            func.coalesce(predictions.c.sentiment, feedback.c.sentiment).label("sentiment"),
            func.coalesce(predictions.c.model_version, feedback.c.model_version).label("model_version"),
        )
        .select_from(
            alert_verdicts.outerjoin(feedback, feedback.c.id == alert_verdicts.c.feedback_id).outerjoin(
                predictions, predictions.c.id == alert_verdicts.c.prediction_id
            )
        )
        .where(alert_verdicts.c.alert_id.in_(ids), alert_verdicts.c.position < most)
        .order_by(alert_verdicts.c.alert_id, alert_verdicts.c.position)
    )
    found: dict[str, list[WrongVerdict]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["alert_id"]].append(
            WrongVerdict(
                feedback_id=row["feedback_id"],
                prediction_id=row["prediction_id"],
                text=row["text"],
                sentiment=row["sentiment"],
                # The prediction may have been written after the verdict on it.
                correction=implied(row["verdict"] or "wrong", row["correction"], row["sentiment"]),
                model_version=row["model_version"],
                received_at=row["received_at"],
                taken_back=row["current"] is False,
            )
        )
    return found
