"""The indexes that find what to label next among a million predictions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.create_index(
        "ix_predictions_confidence",
        "predictions",
        [sa.text("CAST(abs(score - 0.5) * 40 AS INTEGER)"), "created_at", "language", "model_version"],
    )
    op.create_index(
        "ix_feedback_overruled",
        "feedback",
        ["received_at"],
        postgresql_where=sa.text("NOT current"),
        sqlite_where=sa.text("current = 0"),
    )
    op.create_index(
        "ix_shadow_scores_contradicting",
        "shadow_scores",
        ["scored_at"],
        postgresql_where=sa.text("NOT agrees"),
        sqlite_where=sa.text("agrees = 0"),
    )
