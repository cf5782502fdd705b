"""Databases for the tests, quickly: one Postgres cluster is initialised, one schema migrated, the rest are copies."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from vigie_api.database.engine import open_engine
from vigie_api.database.migrate import migrate

_MIGRATED = "migrated"
# Nothing here must survive a power cut. Autovacuum would look into each of hundreds of databases in turn.
_OPTIONS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c autovacuum=off"


def _program(name: str) -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) or [Path(shutil.which(name) or "missing")]
    if not found[-1].exists():
        pytest.fail("This test needs Postgres: apt-get install postgresql (make setup does it).")
    return found[-1]


def _run(folder: Path, program: str, *arguments: str) -> None:
    done = subprocess.run(
        [_program(program), "-D", f"{folder}/data", *arguments],
        user=_owner(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _owner() -> str | None:
    return "postgres" if os.getuid() == 0 else None  # Postgres refuses to run as root


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    # Not tmp_path: a socket's path may have 107 characters, and another user must get in.
    folder = Path(tempfile.mkdtemp(prefix="vigie-pg-"))
    try:
        if owner := _owner():
            shutil.chown(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def initialised_cluster() -> Iterator[Path]:
    """The data folder of a cluster that never runs: what servers are copied from."""
    with _own_folder() as folder:
        _run(folder, "initdb", "-U", "vigie", "--auth=trust", "-E", "UTF8", "--no-sync")
        yield folder / "data"


class PostgresServer:
    """A Postgres of the test's own, on a Unix socket only."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder = folder
        self._has_migrated = False
        subprocess.run(["cp", "-a", data, folder / "data"], check=True)

    def start(self) -> None:
        options = f"{_OPTIONS} -k {self._folder}"
        _run(self._folder, "pg_ctl", "-l", f"{self._folder}/log", "-w", "-o", options, "start")

    def stop(self) -> None:
        _run(self._folder, "pg_ctl", "-w", "-m", "immediate", "stop")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://vigie@/{database}?host={self._folder}"

    def new_database(self, *, migrated: bool = False) -> str:
        """The address of an empty database, or of one with nothing but the tables in it."""
        if not migrated:
            return self.copy(self.url("template1"))
        if not self._has_migrated:
            self._say(f"CREATE DATABASE {_MIGRATED}")
            _migrate(self._driven(_MIGRATED))
            self._has_migrated = True
        return self.copy(self.url(_MIGRATED))

    def copy(self, url: str) -> str:
        """The address of a copy of a database that nobody is connected to."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {_name(url)}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Give the disk back: hundreds of databases are gigabytes."""
        self._say(f"DROP DATABASE {_name(url)} WITH (FORCE)")

    def _driven(self, database: str) -> str:
        return self.url(database).replace("postgresql:", "postgresql+psycopg:")

    def _say(self, statement: str) -> None:
        engine = create_engine(self._driven("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


@contextlib.contextmanager
def running_postgres(data: Path) -> Iterator[PostgresServer]:
    """A server on a copy of this cluster, gone afterwards."""
    with _own_folder() as folder:
        server = PostgresServer(folder, data)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(AssertionError):  # a test may have stopped it
                server.stop()


def migrated_sqlite(folder: Path) -> Path:
    """A file with nothing but the tables in it, to be copied."""
    file = folder / "migrated.db"
    _migrate(f"sqlite:///{file}")
    return file


def copy_sqlite(file: Path, to: Path) -> str:
    """The address of a copy of a database that nobody is connected to."""
    assert not file.with_name(f"{file.name}-wal").exists(), "the file would not be the whole database"
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, to)
    return f"sqlite:///{to}"


def _migrate(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
