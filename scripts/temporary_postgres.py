"""A Postgres server of a script's own, on a Unix socket, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def temporary_postgres() -> Iterator[str]:
    """Start one with its default settings (it syncs). Yields its SQLAlchemy address."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise SystemExit("This needs Postgres: apt-get install postgresql (make setup does it).")
    folder = Path(tempfile.mkdtemp(prefix="vigie-pg-"))  # short: the path of a socket has 107 characters at most
    user = "postgres" if os.getuid() == 0 else None  # Postgres refuses to run as root
    if user:
        shutil.chown(folder, user)

    def do(program: str, *arguments: str) -> None:
        command = [str(found[-1].parent / program), "-D", f"{folder}/data", *arguments]
        subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    do("initdb", "-U", "vigie", "--auth=trust", "-E", "UTF8")
    do("pg_ctl", "-l", f"{folder}/log", "-w", "-o", f"-c listen_addresses='' -k {folder}", "start")
    try:
        yield f"postgresql+psycopg://vigie@/postgres?host={folder}"
    finally:
        do("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
