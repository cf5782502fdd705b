"""The first two tables: predictions, and what people say of them."""

import sqlalchemy as sa
from alembic import op

from vigie_api.database.schema import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables and their indexes."""
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("created_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sentiment", sa.String(8), nullable=False),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(3), nullable=False),
        sa.Column("model_version", sa.String(20), nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("prediction_id", sa.String(64), nullable=False, index=True),
        sa.Column("received_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("verdict", sa.String(8), nullable=False),
        sa.Column("correction", sa.String(8)),
        sa.Column("text", sa.Text()),
        sa.Column("sentiment", sa.String(8)),
        sa.Column("model_version", sa.String(20)),
        sa.Column("comment", sa.Text()),
        sa.Column("current", sa.Boolean(), nullable=False),
    )
    op.create_index(
        "uq_feedback_current",
        "feedback",
        ["prediction_id"],
        unique=True,
        postgresql_where=sa.text("current"),
        sqlite_where=sa.text("current"),
    )
