"""The two databases: created when missing, brought to this version's schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Final

import psycopg2
from psycopg2 import errors, sql

from vigie_mlflow.settings import Settings
from vigie_mlflow.waiting import wait_for

_LOCK: Final = 0x5669676965  # "Vigie": an arbitrary number that every server agrees on


def prepare_databases(settings: Settings, say: Callable[[str], None]) -> None:
    """Wait for Postgres and create the databases that are missing.

    Raises NotReadyError when Postgres stays away or refuses the role.
    """
    address = f"Postgres at {settings.database_host}:{settings.database_port}"
    for name in (settings.database_name, settings.database_auth_name):
        created = wait_for(
            address,
            partial(create_if_missing, settings, name),
            (psycopg2.OperationalError, errors.InsufficientPrivilege),
            wait_s=settings.wait_s,
            say=say,
        )
        if created:
            say(f"created database {name}")


def create_if_missing(settings: Settings, name: str) -> bool:
    """Create database `name` when there is none; say whether it was created."""
    connection = _connect(settings, "postgres")
    try:
        connection.autocommit = True  # CREATE DATABASE runs outside a transaction
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone():
                return False
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except errors.DuplicateDatabase:  # another instance starting at the same time was first
        return False
    finally:
        connection.close()
    return True


@contextmanager
def one_at_a_time(settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Keep other servers on the same database waiting meanwhile: two that made the same tables would both fail.

    An advisory lock of Postgres, so it is free again when this process dies.
    """
    with closing(_connect(settings, settings.database_name)) as connection:
        connection.autocommit = True  # no transaction that stays open all the while
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))
            if cursor.fetchone() != (True,):
                say("waiting for another server that prepares the databases")
                cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            yield


def upgrade_schema(settings: Settings) -> None:
    """Do what `mlflow db upgrade` does, on an empty database too.

    Runs in this process, so that the password is in no command line.
    """
    from mlflow.db import commands  # slow to import; the health check does without

    commands.main(["upgrade", settings.database_url(settings.database_name)], standalone_mode=False)


def _connect(settings: Settings, database: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=settings.database_host,
        port=settings.database_port,
        user=settings.database_user,
        password=settings.database_password.get_secret_value(),
        dbname=database,
        sslmode=settings.database_sslmode,
        connect_timeout=5,
    )
