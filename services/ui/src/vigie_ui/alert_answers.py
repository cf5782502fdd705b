"""What the API answers about alerts."""

from datetime import datetime
from typing import Any

from pydantic import Field, ValidationError

from vigie_ui.answers import Answer, Sentiment


class Email(Answer):
    """One e-mail about an alert."""

    step: str
    state: str
    attempts: int = 0
    sent_at: datetime | None = None


class WrongVerdict(Answer):
    """A corrected verdict that an alert rests on; the text is None once it was deleted."""

    feedback_id: str
    prediction_id: str
    text: str | None
    sentiment: Sentiment | None
    correction: Sentiment | None
    model_version: str | None
    received_at: datetime
    taken_back: bool = False


class DriftMeasure(Answer):
    """What drifted, by how much, and the threshold it crossed."""

    name: str
    value: float
    threshold: float | None = None


class Evidence(Answer):
    """What an alert rests on; which parts there are depends on its kind."""

    window_s: float | None = None
    verdicts: tuple[WrongVerdict, ...] = ()
    day: str | None = None
    measures: tuple[DriftMeasure, ...] = ()
    predictions: int | None = None
    topic: str | None = None
    episode_id: str | None = None
    severity: str | None = None
    negatives: int | None = None
    expected: float | None = None
    onset_at: datetime | None = None


class Alert(Answer):
    """One alert."""

    id: str
    kind: str
    state: str
    opened_at: datetime
    updated_at: datetime
    model_version: str | None
    count: int
    evidence: dict[str, Any] = Field(default_factory=dict)
    emails: tuple[Email, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    note: str | None = None

    @property
    def open(self) -> bool:
        """Whether nobody has taken it in hand yet."""
        return self.state == "open"

    @property
    def basis(self) -> Evidence:
        """What it rests on, as far as this page understands it."""
        try:
            return Evidence.model_validate(self.evidence)
        except ValidationError:
            return Evidence()


class Alerts(Answer):
    """A page of alerts, newest first; `open` counts those of every kind that nobody has taken in hand."""

    alerts: tuple[Alert, ...]
    open: int
    next_cursor: str | None = None
