"""Brings the database to the newest schema. Migrations only add, so an older release still runs beside a newer one."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, text

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK: Final = 0x5669676965  # "Vigie": an arbitrary number that every process agrees on
_ONE_IN_THIS_PROCESS: Final = threading.Lock()  # Alembic's context is a global of the process


class NotMigrated(Exception):  # noqa: N818 - reads as what happened
    """The schema is older than this code; the message says what is there and what is missing."""


def migrate(engine: Engine) -> str:
    """Run the missing migrations and return the revision that is now current.

    On Postgres an advisory lock lets one process migrate while the others wait. On SQLite the write lock does.
    Raises sqlalchemy.exc.OperationalError when the database is down.
    """
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config()
    with _ONE_IN_THIS_PROCESS, engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # The wait for another process, and a long migration, are no reasons to give up.
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("SET lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            connection.rollback()
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.execute(text("RESET ALL"))
                connection.commit()
    return ScriptDirectory.from_config(config).get_current_head() or ""


def migrated(engine: Engine) -> str:
    """The current revision, of a database that somebody else migrates.

    One that this code does not know is a newer release's: it only added. Raises NotMigrated, and
    sqlalchemy.exc.OperationalError when the database is down.
    """
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    with engine.connect().execution_options(vigie_read=True) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is None or (current in known and current != head):
        raise NotMigrated(f"the database is at revision {current or 'none'}, {head} is needed: run `vigie-api migrate`")
    return current


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
