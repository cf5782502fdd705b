"""Bring a backup back into Docker Compose: databases, models, what waited on the API's disk.

Usage: restore.py FOLDER [--replace] [--json]       make restore FROM=backups/20261122T150102Z RESTORE_ARGS=--replace

Reads every checksum, then asks whether the images here know the backup's schemas, before it touches anything. A stack
that holds something is left alone without --replace, and what it holds is said. Until the databases are switched, all
three in one transaction, a failure or Ctrl-C leaves the stack as it was. Then it starts everything; services bring
older schemas up to date by themselves. It does not bring .env back (docs/backup.md).
Exit 0: done and the stack is ready. 1: it broke on the way. 2: it could not begin, nothing was changed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backup import NEEDED, add_stack_arguments, say, shown, told, uninterrupted
from backup_archive import (
    DATABASES,
    OBJECTS,
    VOLUMES,
    FailedError,
    Manifest,
    RefusedError,
    chunks,
    database_file,
    read_manifest,
    refuse_newer,
    verify,
    volume_file,
)
from backup_stack import Stack

# Who writes to what is replaced. The page stays: it keeps a verdict that is given meanwhile, and tries again.
WRITERS = ("api", "trainer", "mlflow")
OWNERS = {"vigie": "vigie", "mlflow": "mlflow", "mlflow_auth": "mlflow"}
# What makes a stack one that somebody uses: tables in which a fresh one has no row, and their name for people.
USED = {
    "vigie": {"predictions": "predictions", "feedback": "verdicts", "mentions": "mentions", "episodes": "episodes"},
    "mlflow": {"runs": "runs", "model_versions": "model versions"},
}
SCHEMA_WAIT_S = 120.0
# A database that somebody is in cannot be renamed.
NOBODY_ELSE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();"
)


def main() -> int:
    """Restore one backup."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the backup")
    parser.add_argument("--replace", action="store_true", help="give up what the stack holds now")
    add_stack_arguments(parser)
    options = parser.parse_args()
    return told("restore", lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Do what the command line says."""
    started = time.monotonic()
    manifest = read_manifest(options.folder)
    verify(options.folder, manifest, say)
    stack = Stack(options.project_name, options.env_file)
    stack.check()
    if not stack.running() >= NEEDED:
        say("starting Postgres and the object store")
        stack.start(*sorted(NEEDED))
    held = holdings(stack)
    if held and not options.replace:
        raise RefusedError(
            f"this stack holds {named(held)}. They would be gone. Take a backup first, then say --replace: "
            f"make restore FROM={options.folder} RESTORE_ARGS=--replace"
        )
    known = stack.known_revisions()
    refuse_newer(manifest, known, int(stack.postgres_version().partition(".")[0]))
    ran = sorted(stack.running() & {*WRITERS})
    restore(stack, options.folder, manifest, ran)
    # The trainer is there to make a first champion: it is not waited for when there is one.
    again = ran if manifest.champion and {*ran} >= {"api", "mlflow"} else []
    say(f"starting {', '.join(again) or 'everything'}")
    stack.start(*again, alone=bool(again))
    wait_for_schema(stack, known["vigie"][0])
    seconds = round(time.monotonic() - started, 1)
    say(f"{options.folder}: restored in {seconds:.0f} s, as of {manifest.made}.")
    say("What was forgotten since then is back: forget it again (docs/privacy.md).")
    if options.json:
        restored = {database: manifest.part(database_file(database)).holds for database in DATABASES}
        files = {file: manifest.part(file).holds["files"] for file in (OBJECTS, *map(volume_file, VOLUMES))}
        document = {"restored": str(options.folder), "as_of": manifest.made, "champion": manifest.champion}
        print(json.dumps(document | {"rows": restored, "files": files, "replaced": held, "seconds": seconds}))
    return 0


def holdings(stack: Stack) -> dict[str, int]:
    """Count what people would miss; empty for a stack that nobody used."""
    held: dict[str, int] = {}
    there = stack.databases()
    for database, tables in USED.items():
        rows = stack.rows(database) if database in there else {}
        held |= {name: rows[table] for table, name in tables.items() if rows.get(table)}
    return held


def named(held: dict[str, int]) -> str:
    """Say counts as a sentence has them."""
    return ", ".join(f"{name} ({count:,})" for name, count in held.items())


@dataclass(frozen=True)
class Names:
    """What a database is called while it is restored, and what the one before it is called until it is dropped."""

    database: str

    @property
    def fresh(self) -> str:
        """The one that is being filled."""
        return f"{self.database}_restored"

    @property
    def old(self) -> str:
        """The one that was replaced."""
        return f"{self.database}_replaced"


def restore(stack: Stack, folder: Path, manifest: Manifest, ran: list[str]) -> None:
    """Replace what the stack holds. On any failure before the switch it starts again what ran, with what it had."""
    say(f"stopping {', '.join(ran) or 'nothing: nothing runs'}")
    switched = False
    try:
        stack.stop(*WRITERS)
        besides = prepare(stack, folder, manifest)
        with uninterrupted():
            switch(stack)
            switched = True
            for service in VOLUMES:
                stack.adopt(service)
            stack.sql(dropped(name.old for name in map(Names, DATABASES)))
        if besides:  # no database names them: `vigie-api forget` would never find them again
            stack.delete_objects(besides)
    except BaseException:
        if switched:
            say("the databases are the backup's, the rest is not yet: restore once more, with --replace")
        else:
            say("putting back what ran: nothing was replaced")
            with contextlib.suppress(FailedError):
                undo(stack, ran)
        raise


def prepare(stack: Stack, folder: Path, manifest: Manifest) -> list[str]:
    """Bring everything next to what is there: new databases, unpacked volumes, objects. List the objects besides."""
    stack.sql(dropped(name.fresh for name in map(Names, DATABASES)))
    for database in DATABASES:
        fresh, file = Names(database).fresh, database_file(database)
        stack.sql(f"CREATE DATABASE {fresh} OWNER {OWNERS[database]};")
        if database == "vigie":  # as services/postgres/10-roles.sh makes it
            stack.sql(f"REVOKE CONNECT ON DATABASE {fresh} FROM PUBLIC;")
        stack.load(fresh, shown(file, chunks(folder / file)))
        if stack.rows(fresh) != manifest.part(file).holds:
            raise FailedError(f"{file} came back with other counts of rows than the backup had")
    for service in VOLUMES:
        stack.unpack(service, shown(volume_file(service), chunks(folder / volume_file(service))))
    return stack.load_objects(shown(OBJECTS, chunks(folder / OBJECTS)))


def switch(stack: Stack) -> None:
    """Give the new databases their names, all in one transaction."""
    there = stack.databases()
    stack.sql(dropped(name.old for name in map(Names, DATABASES)))
    statements = [NOBODY_ELSE, "BEGIN;"]
    for name in map(Names, DATABASES):
        if name.database in there:
            statements.append(f"ALTER DATABASE {name.database} RENAME TO {name.old};")
        statements.append(f"ALTER DATABASE {name.fresh} RENAME TO {name.database};")
    stack.sql("\n".join([*statements, "COMMIT;"]))


def undo(stack: Stack, ran: list[str]) -> None:
    """Drop what was prepared and start what ran."""
    stack.sql(dropped(name.fresh for name in map(Names, DATABASES)))
    for service in VOLUMES:
        stack.discard(service)
    if ran:
        stack.start(*ran, alone=True)


def dropped(databases: Iterable[str]) -> str:
    """Write the statements that drop databases, where they are."""
    return "\n".join(f"DROP DATABASE IF EXISTS {database} WITH (FORCE);" for database in databases)


def wait_for_schema(stack: Stack, newest: str) -> None:
    """Wait until the API has brought its database up to date, which it does beside serving."""
    deadline = time.monotonic() + SCHEMA_WAIT_S
    while (revision := stack.revision("vigie")) != newest:
        if time.monotonic() > deadline:
            raise FailedError(f"the API's schema stays at {revision}, not {newest}: docker compose logs api")
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
