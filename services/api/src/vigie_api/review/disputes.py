"""Predictions that people judge differently, lately."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Index, select, text

from vigie_api.feedback.schema import Verdict
from vigie_api.feedback.table import feedback

LATELY = timedelta(days=30)
_LOOKED_AT = 1_000

Index(
    "ix_feedback_overruled",
    feedback.c.received_at,
    postgresql_where=text("NOT current"),
    sqlite_where=text("current = 0"),
)


def disputes(connection: Connection, now: datetime) -> dict[str, int]:
    """How many people contradict each other on a prediction, by its id; only where no majority settled it.

    Looks at the last 1,000 verdicts that another one overruled in the 30 days before `now`.
    """
    overruled = (
        select(feedback.c.prediction_id)
        .where(~feedback.c.current, feedback.c.received_at >= now - LATELY)
        .order_by(feedback.c.received_at.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    said = (
        select(feedback.c.prediction_id, feedback.c.given_by, feedback.c.verdict)
        .where(feedback.c.prediction_id.in_(select(overruled.c.prediction_id)))
        .order_by(feedback.c.seq)
    )
    history: dict[str, list[tuple[str | None, Verdict]]] = {}
    for prediction_id, person, verdict in connection.execute(said):
        history.setdefault(prediction_id, []).append((person, verdict))
    found = {prediction_id: contradictions(verdicts) for prediction_id, verdicts in history.items()}
    return {prediction_id: count for prediction_id, count in found.items() if count}


def contradictions(verdicts: Iterable[tuple[str | None, Verdict]]) -> int:
    """How many people stand against as many others, oldest verdict first; 0 where one side has the majority.

    A person's last word counts: who changes their mind contradicts nobody. A third opinion settles a tie.
    """
    last = dict(verdicts)
    sides = Counter(last.values())
    return sides["wrong"] if sides["wrong"] == sides["correct"] else 0
