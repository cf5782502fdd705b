"""Back up a Vigie that runs in Docker Compose, while it runs: databases, models, what waits on the API's disk.

Usage: backup.py [--to backups] [--keep-days 30] [--json]          make backup BACKUP_ARGS="--keep-days 30"

A folder named by the time appears when it is complete, and not before. It holds people's posts and accounts' hashes:
keep it as you keep the database. It does NOT hold .env: keep a copy of that elsewhere (docs/backup.md).
Exit 0: done. 1: it broke on the way, nothing is left behind. 2: it could not begin.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backup_archive import (
    DATABASES,
    OBJECTS,
    VOLUMES,
    Draft,
    FailedError,
    Manifest,
    RefusedError,
    database_file,
    expired,
    megabytes,
    stamp,
    tar_names,
    volume_file,
)
from backup_stack import ROOT, Stack

NEEDED = {"postgres", "minio"}
_SHOWN_EVERY_S = 1.0


def main() -> int:
    """Take a backup, then drop the expired ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=ROOT / "backups", help="folder of the backups (default: backups)")
    parser.add_argument("--keep-days", type=whole_days, help="afterwards delete backups in it that are older")
    add_stack_arguments(parser)
    options = parser.parse_args()
    return told("backup", lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Do what the command line says."""
    started = time.time()
    stack = Stack(options.project_name, options.env_file)
    stack.check()
    folder, manifest = back_up(stack, options.to, started)
    gone = []
    if options.keep_days is not None:
        gone = expired(options.to, options.keep_days, started)
        for old in gone:
            shutil.rmtree(old)
            say(f"{old.name}: deleted, older than {options.keep_days} days")
    size = sum(part.bytes for part in manifest.parts)
    say(f"{folder}: complete, {megabytes(size)} in {time.time() - started:.0f} s. Keep .env apart: it is not in it.")
    if options.json:
        document: dict[str, Any] = {"backup": str(folder), "bytes": size, "seconds": round(time.time() - started, 1)}
        print(json.dumps(document | {"manifest": asdict(manifest), "deleted": [str(old) for old in gone]}))
    return 0


def back_up(stack: Stack, to: Path, now: float) -> tuple[Path, Manifest]:
    """Write a backup that is consistent though the stack runs. Raises RefusedError and FailedError.

    The order is what makes it so. A verdict leaves the API's spool for the database: spool first, or it could be in
    neither. MLflow stores a file before its database names the model, and never changes it: files last, or one could
    be missing. What is in the spool's copy and in the database is the same verdict, by its id.
    """
    missing = NEEDED - stack.running()
    if missing:
        raise RefusedError(f"{' and '.join(sorted(missing))} must run for a backup: docker compose up -d --wait")
    schemas = {}
    with Draft(to, now) as draft:
        for service in VOLUMES:
            path = draft.write(volume_file(service), shown(volume_file(service), stack.volume(service)))
            draft.counted({"files": sum(1 for _ in tar_names(path))})
        for database in DATABASES:
            with stack.snapshot(database) as snapshot:
                draft.write(database_file(database), shown(database_file(database), snapshot.dump))
                draft.counted(snapshot.rows)
                schemas[database] = snapshot.revision
        path = draft.write(OBJECTS, shown(OBJECTS, stack.objects()))
        draft.counted({"files": sum(1 for _ in tar_names(path))})
        manifest = Manifest(
            made=stamp(now),
            app=stack.version("api", "vigie-api"),
            mlflow=stack.version("mlflow", "mlflow"),
            postgres=stack.postgres_version(),
            schemas=schemas,
            champion=stack.champion(),
            parts=draft.parts,
        )
        return draft.complete(manifest), manifest


def add_stack_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says which containers are meant, and --json."""
    parser.add_argument("--project-name", help="project of Docker Compose (default: its own rule, vigie)")
    parser.add_argument("--env-file", type=Path, help="file of settings and secrets (default: .env)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")


def told(name: str, work: Callable[[], int]) -> int:
    """Run a command; say in one sentence what went wrong. SIGTERM ends it as Ctrl-C does, with everything tidied."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return work()
    except RefusedError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except FailedError as error:
        print(f"{name}: failed: {error}", file=sys.stderr)
    except OSError as error:  # the disk, most likely
        print(f"{name}: failed: {error.filename or 'the disk'}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
    return 1


def interrupt(*_: object) -> None:
    """Be a Ctrl-C."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put Ctrl-C and SIGTERM off to the end of the block."""
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def shown(name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass bytes on and tell people how many went by; on a terminal while they do."""
    size, started = 0, time.monotonic()
    told_at = started
    for chunk in chunks:
        size += len(chunk)
        if sys.stderr.isatty() and time.monotonic() - told_at > _SHOWN_EVERY_S:
            told_at = time.monotonic()
            print(f"\r{name}: {megabytes(size)} …", end="", file=sys.stderr, flush=True)
        yield chunk
    start = "\r" if sys.stderr.isatty() else ""
    print(f"{start}{name}: {megabytes(size)} in {time.monotonic() - started:.1f} s   ", file=sys.stderr, flush=True)


def say(sentence: str) -> None:
    """Tell people, on stderr: stdout is for --json."""
    print(sentence, file=sys.stderr, flush=True)


def whole_days(text: str) -> int:
    """Read a number of days, 1 or more."""
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError("one day at least")
    return days


if __name__ == "__main__":
    sys.exit(main())
