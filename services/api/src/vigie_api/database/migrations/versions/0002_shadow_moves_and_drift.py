"""Shadow scores, the trail of promotions, and the daily profiles that drift is read from."""

import sqlalchemy as sa
from alembic import op

from vigie_api.database.schema import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables and their indexes."""
    op.create_table(
        "shadow_scores",
        sa.Column("prediction_id", sa.String(36), primary_key=True),
        sa.Column("version", sa.String(20), primary_key=True),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("sentiment", sa.String(8), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("shift", sa.Float(53), nullable=False),
        sa.Column("champion_version", sa.String(20), nullable=False),
        sa.Column("scored_at", UtcDateTime(), nullable=False, index=True),
    )
    op.create_table(
        "alias_moves",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at", UtcDateTime(), nullable=False, index=True),
        sa.Column("action", sa.String(8), nullable=False),
        sa.Column("version", sa.String(20), nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(20)),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.UniqueConstraint("version", "at"),
    )
    op.create_table(
        "drift_days",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("counted_to", UtcDateTime(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
    )
