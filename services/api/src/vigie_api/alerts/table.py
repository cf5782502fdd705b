"""The tables of alerts: the alerts, the predictions that each is about, and what is still to be told of them."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text, text

from vigie_api.database.schema import UtcDateTime, metadata

_SEQ: Final = BigInteger().with_variant(Integer(), "sqlite")
_OPEN: Final = text("acknowledged_at IS NULL")
_WAITING: Final = text("state = 'waiting'")

alerts = Table(
    "alerts",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("key", String(200), nullable=False),
    Column("opened_at", UtcDateTime(), nullable=False, index=True),
    Column("updated_at", UtcDateTime(), nullable=False),
    Column("model_version", String(20)),
    Column("count", Integer(), nullable=False),
    Column("evidence", JSON(), nullable=False),
    Column("acknowledged_at", UtcDateTime()),
    Column("acknowledged_by", String(64)),
    Column("note", Text()),
    Index("ix_alerts_kind_opened_at", "kind", "opened_at"),
    # One open alert of a kind and key; and the number of open ones is a scan of few entries.
    Index("uq_alerts_open", "kind", "key", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),
)

# Ids and a time, never a text: the evidence is read from feedback and predictions, so what is forgotten there is
# forgotten here. A verdict is in one alert at most.
alert_verdicts = Table(
    "alert_verdicts",
    metadata,
    Column("alert_id", String(36), primary_key=True),
    Column("prediction_id", String(64), primary_key=True),
    Column("position", Integer(), nullable=False),
    Column("feedback_id", String(36), nullable=False, unique=True),
    Column("received_at", UtcDateTime(), nullable=False),
    Index("ix_alert_verdicts_alert_id_position", "alert_id", "position"),
)

# What is to be delivered, written with the alert and delivered after the commit. No text in here either.
alert_outbox = Table(
    "alert_outbox",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("alert_id", String(36), nullable=False),
    Column("channel", String(8), nullable=False),
    # SQLite does not mind how long a text is, and would have to copy the table to say so.
    Column("step", String(32).with_variant(String(16), "sqlite"), nullable=False),
    Column("message_id", String(200), nullable=False, unique=True),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("due_at", UtcDateTime(), nullable=False),
    Column("lease", String(36)),
    Column("recipients", JSON(none_as_null=True)),
    Column("sent_at", UtcDateTime()),
    Column("error", String(200)),
    Index("uq_alert_outbox_step", "alert_id", "channel", "step", unique=True),
    Index("ix_alert_outbox_due", "channel", "due_at", postgresql_where=_WAITING, sqlite_where=_WAITING),
)
