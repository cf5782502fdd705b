"""Alerts, the verdicts that each is about, and the outbox of what is to be told of them."""

import sqlalchemy as sa
from alembic import op

from vigie_api.database.schema import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables and their indexes."""
    op.create_table(
        "alerts",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("model_version", sa.String(20)),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("acknowledged_at", UtcDateTime()),
        sa.Column("acknowledged_by", sa.String(64)),
        sa.Column("note", sa.Text()),
    )
    op.create_index("ix_alerts_kind_opened_at", "alerts", ["kind", "opened_at"])
    still_open = sa.text("acknowledged_at IS NULL")
    op.create_index(
        "uq_alerts_open", "alerts", ["kind", "key"], unique=True, postgresql_where=still_open, sqlite_where=still_open
    )
    op.create_table(
        "alert_verdicts",
        sa.Column("alert_id", sa.String(36), primary_key=True),
        sa.Column("prediction_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("feedback_id", sa.String(36), nullable=False, unique=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_alert_verdicts_alert_id_position", "alert_verdicts", ["alert_id", "position"])
    op.create_table(
        "alert_outbox",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("alert_id", sa.String(36), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False, unique=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("lease", sa.String(36)),
        sa.Column("recipients", sa.JSON(none_as_null=True)),
        sa.Column("sent_at", UtcDateTime()),
        sa.Column("error", sa.String(200)),
    )
    op.create_index("uq_alert_outbox_step", "alert_outbox", ["alert_id", "channel", "step"], unique=True)
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_alert_outbox_due", "alert_outbox", ["channel", "due_at"], postgresql_where=waiting, sqlite_where=waiting
    )
