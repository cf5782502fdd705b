"""The table of what live predictions looked like on each day, by version: counts, no texts."""

from sqlalchemy import Boolean, Column, Date, Table, Text

from vigie_api.database.schema import UtcDateTime, metadata

drift_days = Table(
    "drift_days",
    metadata,
    Column("day", Date(), primary_key=True),
    Column("counted_to", UtcDateTime(), nullable=False),
    Column("closed", Boolean(), nullable=False),
    Column("profile", Text(), nullable=False),
)
