"""The running containers as backup and restore see them: databases, volumes and objects as streams of bytes.

Nothing is installed on the host: every program runs in the container that has it, through `docker compose`.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from backup_archive import CHUNK_BYTES, FailedError, RefusedError

ROOT = Path(__file__).resolve().parent.parent
OBJECTS_PROGRAM = Path(__file__).with_name("backup_objects.py")
HOME = "/var/lib/vigie"  # where the API's and the trainer's volume are, each in its container
CACHES = {"api": "tfhub", "trainer": "trainer/cache"}  # folders of them that can be had again

# Where each database's schema says how new it is, and which service's package knows what was before.
VERSION_TABLES = {"vigie": "alembic_version", "mlflow": "alembic_version", "mlflow_auth": "alembic_version_auth"}
_MIGRATIONS = {
    "vigie": ("api", "vigie_api", "database/migrations/versions"),
    "mlflow": ("mlflow", "mlflow", "store/db_migrations/versions"),
    "mlflow_auth": ("mlflow", "mlflow", "server/auth/db/migrations/versions"),
}
# Read from the files' text: importing MLflow's migrations takes seconds.
_REVISIONS_PROGRAM = r"""
import importlib.util, json, pathlib, re, sys
found = {}
for package, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    root = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])
    texts = [file.read_text() for file in (root / folder).glob("*.py")]
    names = lambda what: [name for text in texts for name in re.findall(what + r"\b[^=\n]*=\s*['\"](\w+)", text, re.M)]
    # The newest first: it is the one that no other is built on.
    found[folder] = sorted(names("^revision"), key=set(names("^down_revision")).__contains__)
print(json.dumps(found))
"""
_VERSION_PROGRAM = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
# One number for each table, in one statement and so of one moment.
_COUNT_ROWS = """
SELECT table_name || ' ' || (xpath('/row/n/text()',
    query_to_xml(format('SELECT count(*) AS n FROM %I.%I', table_schema, table_name), false, true, '')))[1]::text
FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = 'public' ORDER BY table_name;
"""


@dataclass(frozen=True)
class Snapshot:
    """A database at one moment."""

    revision: str
    rows: dict[str, int]
    dump: Iterator[bytes]


class Stack:
    """One project of Docker Compose. Every method raises FailedError with what the program said."""

    def __init__(self, project: str | None = None, env_file: Path | None = None) -> None:
        self._command = ["docker", "compose", "--progress=quiet", "--ansi=never"]
        if project:
            self._command += ["--project-name", project]
        if env_file:
            self._command += ["--env-file", str(env_file.resolve())]

    def check(self) -> None:
        """Raise RefusedError unless Docker answers and the settings are complete."""
        try:
            subprocess.run(["docker", "info"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            raise RefusedError("Docker does not answer: install Docker Engine and start it.") from None
        answer = subprocess.run([*self._command, "config", "--quiet"], capture_output=True, text=True, cwd=ROOT)
        if answer.returncode:
            raise RefusedError(f"compose.yaml cannot be used, see docs/backup.md: {answer.stderr.strip()}")

    def running(self) -> set[str]:
        """Name the services that run."""
        return set(self._ask("ps", "--services", "--status=running").split())

    def start(self, *services: str, alone: bool = False) -> None:
        """Start services, all when none is named, and wait until they are healthy; `alone`: not what they depend on."""
        options = ["--no-deps"] if alone else []
        self._ask("up", "--detach", "--wait", "--wait-timeout", "600", *options, *services)

    def stop(self, *services: str) -> None:
        """Stop services; those that do not run are left alone."""
        self._ask("stop", *services)

    # --- databases

    def sql(self, statements: str, database: str = "postgres") -> str:
        """Run statements as the superuser, which stop at the first that fails; give what they print."""
        return self._ask(*_inside("postgres", *_psql(database)), stdin=[statements.encode()])

    def databases(self) -> set[str]:
        """Name the databases that exist."""
        return set(self.sql("SELECT datname FROM pg_database;").split())

    def postgres_version(self) -> str:
        """Give the server's version, such as 17.4."""
        return self.sql("SHOW server_version;").split()[0]

    def revision(self, database: str) -> str:
        """Give the schema's revision; empty where there is none yet."""
        table = VERSION_TABLES[database]
        known = self.sql(f"SELECT to_regclass('{table}');", database).strip()
        return self.sql(f"TABLE {table};", database).strip() if known else ""

    def rows(self, database: str) -> dict[str, int]:
        """Count the rows of each table."""
        return _counts(self.sql(_COUNT_ROWS, database))

    def champion(self, database: str = "mlflow") -> str | None:
        """Give the version of the model that serves, as the registry has it."""
        found = self.sql("SELECT version FROM registered_model_aliases WHERE alias = 'champion';", database).split()
        return found[0] if found else None

    @contextlib.contextmanager
    def snapshot(self, database: str) -> Iterator[Snapshot]:
        """Open a database as it is at this moment: its revision, the rows of each table, and pg_dump's output."""
        command = [*self._command, *_inside("postgres", *_psql(database))]
        with _process(command, subprocess.PIPE) as (holder, said):
            # The moment lasts as long as this transaction does.
            question = (
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
                f"SELECT pg_export_snapshot(); TABLE {VERSION_TABLES[database]};"
                f"{_COUNT_ROWS}\\echo .\n"
            )
            stdin, stdout = _pipes(holder)
            stdin.write(question.encode())
            stdin.flush()
            lines = []
            while (line := stdout.readline().decode()) != ".\n":
                if not line:
                    raise FailedError(f"the database {database} could not be read: {_end(said)}")
                lines.append(line)
            moment, revision, *counts = lines
            dump = ("pg_dump", "--username=postgres", "--format=custom", "--compress=1", f"--snapshot={moment.strip()}")
            stream = self._stream(*_inside("postgres", *dump, database))
            yield Snapshot(revision.strip(), _counts("".join(counts)), stream)
            stdin.close()
            holder.wait()

    def load(self, database: str, dump: Iterable[bytes]) -> None:
        """Restore a dump into an empty database; the roles that own things are there since Postgres' first start."""
        restore = ("pg_restore", "--username=postgres", "--exit-on-error", "--single-transaction")
        self._ask(*_inside("postgres", *restore, f"--dbname={database}"), stdin=dump)

    # --- volumes and objects

    def volume(self, service: str) -> Iterator[bytes]:
        """Give what a service keeps in its volume, caches left out, as a tar."""
        # Exit code 1 of tar: a file changed or went while it was read, as in a spool they do.
        script = f'tar --create --file=- --directory={HOME} --exclude=./{CACHES[service]} . || test "$?" -eq 1'
        yield from self._stream(*self._in_service(service, "sh", "-c", script))

    def unpack(self, service: str, tar: Iterable[bytes]) -> None:
        """Put a tar beside what is in a service's volume, for `adopt`."""
        script = f"cd {HOME} && rm -rf .restored && mkdir .restored && tar --extract --file=- --directory=.restored"
        self._ask(*self._in_service(service, "sh", "-c", script), stdin=tar)

    def adopt(self, service: str) -> None:
        """Bring what was unpacked into the volume; models of before go, verdicts and runs that wait in it stay."""
        script = f"cd {HOME} && rm -rf models && cp --archive .restored/. . && rm -rf .restored"
        self._ask(*self._in_service(service, "sh", "-c", script))

    def discard(self, service: str) -> None:
        """Drop what was unpacked."""
        self._ask(*self._in_service(service, "rm", "-rf", f"{HOME}/.restored"))

    def objects(self) -> Iterator[bytes]:
        """Give every object as a tar."""
        yield from self._stream(*self._objects("save"))

    def load_objects(self, tar: Iterable[bytes]) -> list[str]:
        """Put every object of a tar into the store; list those that are there besides."""
        return self._ask(*self._objects("load"), stdin=tar).splitlines()

    def delete_objects(self, names: list[str]) -> None:
        """Delete objects."""
        self._ask(*self._objects("delete"), stdin=(f"{name}\n".encode() for name in names))

    # --- versions

    def version(self, service: str, package: str) -> str:
        """Give the version of a package in a service's container."""
        return self._ask(*self._in_service(service, "python", "-c", _VERSION_PROGRAM, package)).strip()

    def known_revisions(self) -> dict[str, list[str]]:
        """List, by database, the revisions that the images know which will run, the newest first.

        What runs now may be older than its image.
        """
        known: dict[str, list[str]] = {}
        for service in ("api", "mlflow"):
            mine = {name: where[1:] for name, where in _MIGRATIONS.items() if where[0] == service}
            arguments = [part for where in mine.values() for part in where]
            program = ("python", "-c", _REVISIONS_PROGRAM, *arguments)
            found = json.loads(self._ask(*_beside(service, *program)))
            known |= {name: found[folder] for name, (_, folder) in mine.items()}
        return known

    def _objects(self, what: str) -> list[str]:
        return self._in_service("mlflow", "python", "-c", OBJECTS_PROGRAM.read_text(encoding="utf-8"), what)

    def _in_service(self, service: str, *program: str) -> list[str]:
        """Run in the service's container where there is one, which is quick; in one of its own where there is none."""
        return [*(_inside if service in self.running() else _beside)(service, *program)]

    def _stream(self, *arguments: str) -> Iterator[bytes]:
        with _process([*self._command, *arguments], subprocess.DEVNULL) as (process, said):
            assert process.stdout is not None  # noqa: S101  # for the type checker
            while chunk := process.stdout.read(CHUNK_BYTES):
                yield chunk
            if process.wait():
                raise FailedError(_end(said))

    def _ask(self, *arguments: str, stdin: Iterable[bytes] = ()) -> str:
        with _process([*self._command, *arguments], subprocess.PIPE) as (process, said):
            pipe, output = _pipes(process)
            with contextlib.suppress(BrokenPipeError):  # it ended early, and says why
                for chunk in stdin:
                    pipe.write(chunk)
                pipe.close()
            printed = output.read().decode()
            if process.wait():
                raise FailedError(_end(said))
            return printed


def _inside(service: str, *program: str) -> list[str]:
    return ["exec", "--no-TTY", service, *program]


def _beside(service: str, *program: str) -> list[str]:
    return ["run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", program[0], service, *program[1:]]


def _psql(database: str) -> list[str]:
    return ["psql", "--username=postgres", "-XAtq", "--set=ON_ERROR_STOP=1", f"--dbname={database}"]


def _counts(lines: str) -> dict[str, int]:
    return {name: int(count) for name, count in (line.split() for line in lines.splitlines() if line)}


@contextlib.contextmanager
def _process(command: list[str], stdin: int) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Run a program; whatever happens in the block, it does not outlive it. What it says on stderr is in the file."""
    with tempfile.TemporaryFile() as said:
        # In a group of its own: Ctrl-C is ours to handle, and this program is then asked to end, once.
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command, cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE, stderr=said, start_new_session=True
        )
        try:
            yield process, said
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("both are pipes, or this was called with the wrong process")
    return process.stdin, process.stdout


def _end(said: IO[bytes]) -> str:
    """Give the last words of a program, without what may be a text that somebody posted."""
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    # Postgres quotes the row that it could not take, in these lines.
    lines = [line for line in lines if not re.match(r"(DETAIL|CONTEXT):", line)]
    return " ".join(line.strip() for line in lines[-4:]) or "it ended without a word"
