"""Where each connector goes on after a restart, and which process runs it until when."""

from sqlalchemy import JSON, BigInteger, Column, String, Table, Text

from vigie_api.database.schema import UtcDateTime, metadata

connector_cursors = Table(
    "connector_cursors",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("cursor", JSON(none_as_null=True)),
    Column("state", String(16), nullable=False),
    Column("taken", BigInteger(), nullable=False),
    Column("last_error", Text()),
    Column("last_taken_at", UtcDateTime()),
    Column("updated_at", UtcDateTime(), nullable=False),
    Column("owner", String(36)),
    Column("lease_until", UtcDateTime()),
)
