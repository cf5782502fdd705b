"""Alembic runs this; the connection comes from vigie_api.database.migrate."""

from alembic import context

from vigie_api.database.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
