"""One process at a time serves an SQLite file: the watch, the outbox and the counts have no other lock there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from vigie_api.folder_lock import locked


@contextmanager
def serving_alone(url: str) -> Iterator[bool]:
    """Whether no other process serves this database, as long as this holds. Always, on Postgres: it has locks for that.

    The lock is on a file beside the database, for SQLite has locks of its own on that one. Raises OSError.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        yield True
        return
    mark = Path(f"{parsed.database}.serving")
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    with locked(mark) as alone:
        yield alone
