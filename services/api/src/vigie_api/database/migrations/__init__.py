"""Alembic's folder: one file a change, in versions/."""
