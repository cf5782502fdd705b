"""Mentions, what the watch keeps of them, and the topic of a prediction."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.add_column("predictions", sa.Column("topic", sa.String(64)))
    op.add_column("feedback", sa.Column("topic", sa.String(64)))
    op.create_index(
        "ix_predictions_topic",
        "predictions",
        ["topic", "created_at"],
        postgresql_where=sa.text("topic IS NOT NULL"),
        sqlite_where=sa.text("topic IS NOT NULL"),
    )
    op.create_index("ix_predictions_model_version_created_at", "predictions", ["model_version", "created_at"])
    op.drop_index("ix_predictions_confidence", "predictions")
    op.create_index(
        "ix_predictions_confidence",
        "predictions",
        ["language", sa.text("CAST(abs(score - 0.5) * 40 AS INTEGER)"), "created_at", "model_version"],
        postgresql_where=sa.text("text <> ''"),
        sqlite_where=sa.text("text <> ''"),
    )
    op.create_table(
        "mentions",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("author_key", sa.BigInteger()),
        sa.Column("url", sa.Text()),
        sa.Column("reach", sa.BigInteger()),
        sa.Column("text", sa.Text()),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("sentiment", sa.String(8)),
        sa.Column("language", sa.String(3)),
        sa.Column("counted", sa.Boolean()),
        sa.PrimaryKeyConstraint("seq", name="pk_mentions"),
        sa.UniqueConstraint("id", name="uq_mentions_id"),
    )
    op.create_index("uq_mentions_source_external_id", "mentions", ["source", "external_id"], unique=True)
    op.create_index("ix_mentions_created_at", "mentions", ["created_at", "seq"])
    op.create_index("ix_mentions_topic_created_at", "mentions", ["topic", "created_at", "seq"])
    under_way = sa.text("stage <> 2")
    for columns in (("source",), ("language",), ("source", "language")):
        op.create_index(
            "_".join(("ix_mentions_negative", *columns)),
            "mentions",
            [*columns, "created_at", "topic"],
            postgresql_where=sa.text("counted AND sentiment = 'negative'"),
            sqlite_where=sa.text("counted = 1 AND sentiment = 'negative'"),
        )
    op.create_index("ix_mentions_waiting", "mentions", ["stage", "seq"], postgresql_where=under_way)
    op.create_table(
        "mention_tombstones",
        sa.Column("mark", sa.BigInteger(), autoincrement=False),
        sa.Column("posted_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_mention_tombstones"),
    )
    op.create_index("ix_mention_tombstones_posted_at", "mention_tombstones", ["posted_at"])
    op.create_table(
        "watch_topics",
        sa.Column("topic", sa.String(64)),
        sa.Column("false_alarms", sa.Integer(), nullable=False),
        sa.Column("unlearned", sa.Boolean(), nullable=False),
        sa.Column("learning", sa.Boolean(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("last_post_at", _TIME, nullable=False),
        sa.Column("held_until", _TIME),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_watch_topics"),
    )
    op.create_table(
        "watch_marks",
        sa.Column("topic", sa.String(64)),
        sa.Column("mark", sa.BigInteger()),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "mark", name="pk_watch_marks"),
    )
    op.create_index("ix_watch_marks_bucket", "watch_marks", ["bucket"])
    op.create_table(
        "watch_buckets",
        sa.Column("topic", sa.String(64)),
        sa.Column("at", _TIME),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("negatives", sa.Integer(), nullable=False),
        sa.Column("counted_posts", sa.Integer(), nullable=False),
        sa.Column("counted_negatives", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Float(53)),
        sa.Column("spread", sa.Float(53)),
        sa.PrimaryKeyConstraint("topic", "at", name="pk_watch_buckets"),
    )
    op.create_table(
        "mention_counts",
        sa.Column("step_s", sa.Integer(), autoincrement=False),
        sa.Column("at", _TIME),
        sa.Column("topic", sa.String(64)),
        sa.Column("source", sa.String(32)),
        sa.Column("language", sa.String(3)),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("negatives", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("step_s", "at", "topic", "source", "language", name="pk_mention_counts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "episodes",
        sa.Column("id", sa.String(36)),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("onset_at", _TIME, nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("escalated_at", _TIME),
        sa.Column("closed_at", _TIME),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("negatives", sa.Integer(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Float(53), nullable=False),
        sa.Column("peak_ratio", sa.Float(53), nullable=False),
        sa.Column("reach", sa.BigInteger()),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("post_ids", sa.JSON(), nullable=False),
        sa.Column("alert_id", sa.String(36)),
        sa.Column("acknowledged_at", _TIME),
        sa.Column("acknowledged_by", sa.String(64)),
        sa.Column("assignee", sa.String(64)),
        sa.Column("note", sa.Text()),
        sa.Column("false_alarm", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_episodes"),
    )
    op.create_index("ix_episodes_opened_at", "episodes", ["opened_at"])
    op.create_index("ix_episodes_topic_opened_at", "episodes", ["topic", "opened_at"])
    op.create_index("ix_episodes_alert_id", "episodes", ["alert_id"])
    still_open = sa.text("state != 'closed'")
    op.create_index(
        "uq_episodes_open",
        "episodes",
        ["topic"],
        unique=True,
        postgresql_where=still_open,
        sqlite_where=still_open,
    )
    if op.get_bind().dialect.name == "postgresql":  # SQLite does not mind how long a text is
        op.alter_column("alert_outbox", "step", type_=sa.String(32))
    op.create_table(
        "connector_cursors",
        sa.Column("name", sa.String(64)),
        sa.Column("cursor", sa.JSON()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("last_taken_at", _TIME),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("owner", sa.String(36)),
        sa.Column("lease_until", _TIME),
        sa.PrimaryKeyConstraint("name", name="pk_connector_cursors"),
    )
