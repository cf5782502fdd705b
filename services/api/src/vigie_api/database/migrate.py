"""Brings the database to the newest schema. Migrations only add, so an older release still runs beside a newer one."""

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, text

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_log = logging.getLogger("vigie_api.database")
_LOCK: Final = 0x5669676965  # "Vigie": an arbitrary number that every process agrees on
_ONE_IN_THIS_PROCESS: Final = threading.Lock()  # Alembic's context is a global of the process


class NotMigrated(Exception):  # noqa: N818 - reads as what happened
    """The schema is older than this code; the message says what is there and what is missing."""


def migrate(engine: Engine) -> str:
    """Run the missing migrations and return the revision that is now current.

    A schema of a newer release stays as it is: it only added, and this release was taken back. On Postgres an advisory
    lock lets one process migrate while the others wait. On SQLite the write lock does.
    Raises sqlalchemy.exc.OperationalError when the database is down.
    """
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config()
    scripts = ScriptDirectory.from_config(config)
    with _ONE_IN_THIS_PROCESS, engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # The wait for another process, and a long migration, are no reasons to give up.
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("SET lock_timeout = 0"))
            connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
        try:
            current = _current(connection)
            connection.rollback()  # what was begun by looking
            if current is not None and current not in _known(scripts):
                _log.warning("the schema is a newer release's and stays as it is", extra={"revision": current})
                return current
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            connection.rollback()
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.execute(text("RESET ALL"))
                connection.commit()
    return scripts.get_current_head() or ""


def migrated(engine: Engine) -> str:
    """The current revision, of a database that somebody else migrates.

    One that this code does not know is a newer release's: it only added. Raises NotMigrated, and
    sqlalchemy.exc.OperationalError when the database is down.
    """
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    with engine.connect().execution_options(vigie_read=True) as connection:
        current = _current(connection)
    head = scripts.get_current_head()
    if current is None or (current in _known(scripts) and current != head):
        raise NotMigrated(f"the database is at revision {current or 'none'}, {head} is needed: run `vigie-api migrate`")
    return current


def _current(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _known(scripts: "ScriptDirectory") -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
