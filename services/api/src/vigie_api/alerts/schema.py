"""What the alert routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from vigie_api.instant import Instant
from vigie_api.prediction.schema import Sentiment, no_nul

Kind = Literal["misprediction", "drift", "surge", "operations"]
State = Literal["open", "acknowledged"]
CURSOR_PATTERN = "^a[0-9]{1,18}$"  # any such number fits the column


class EmailOut(BaseModel):
    """One e-mail about an alert. Waiting: it is tried again, later and later. Off: no mail server is configured."""

    step: str
    state: Literal["waiting", "sent", "failed", "off"]
    attempts: int
    sent_at: datetime | None
    message_id: str
    error: str | None = Field(description="What the last attempt met with; null when none failed.")


class WrongVerdict(BaseModel):
    """A verdict that an alert is about."""

    feedback_id: str
    prediction_id: str
    text: str | None = Field(description="Null when nobody said it or it was deleted since.")
    sentiment: Sentiment | None = Field(description="The sentiment that was predicted.")
    correction: Sentiment | None
    model_version: str | None
    received_at: datetime
    taken_back: bool = Field(description="Another verdict on this prediction counts by now.")


class AlertOut(BaseModel):
    """An alert with what it rests on."""

    id: str
    kind: Kind
    state: State
    opened_at: datetime = Field(description="Of a misprediction: when the verdict that completed it was received.")
    updated_at: datetime
    model_version: str | None
    count: int = Field(description="Wrong predictions in it; of other kinds: times that it was raised.")
    evidence: dict[str, Any] = Field(
        description="Of a misprediction: `window_s`, how many made the `burst` that opened it, and the first "
        "`verdicts` (10 in a list, 100 of one alert).",
        examples=[{"window_s": 300.0, "burst": 3, "verdicts": []}],
    )
    emails: list[EmailOut]
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str | None


class AlertPage(BaseModel):
    """Alerts, newest first."""

    alerts: list[AlertOut]
    open: int = Field(description="Alerts of every kind that nobody has acknowledged.")
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")


class AlertQuery(BaseModel):
    """Which alerts to list."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    kind: Kind | None = None
    since: Instant | None = Field(None, description="Opened at or after, RFC 3339.")
    until: Instant | None = Field(None, description="Opened before, RFC 3339.")
    limit: int = Field(50, ge=1, le=1_000, description="Most alerts in a page.")
    cursor: str | None = Field(None, pattern=CURSOR_PATTERN, description="The `next_cursor` of the page before.")


Note = Annotated[
    str,
    Field(max_length=1_000),
    AfterValidator(no_nul),
    WithJsonSchema({"type": "string", "maxLength": 1_000, "pattern": r"^[^\u0000]*$"}),
]


class Acknowledgement(BaseModel):
    """Somebody has seen the alert."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"note": "Irony about delays; retraining on Monday."}]}
    )

    note: Note | None = None
