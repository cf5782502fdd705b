"""Posts in the order of their times, however many and in whatever order they come: a temporary SQLite table."""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

_CACHE_KB = 32_768


Row = tuple[float, str, int, str, str | None]
"""A post: seconds since 1970, topic, label (a code or a verdict, whatever was put in), text, author."""


class Sorter:
    """Takes posts in, gives them back oldest first; equal times in the order they came. Use as a context manager."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="vigie-replay-")
        self._database = sqlite3.connect(Path(self._folder.name) / "posts.db", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KB}", "temp_store=FILE"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE posts (at_s REAL NOT NULL, topic TEXT NOT NULL, label INTEGER NOT NULL, text TEXT NOT NULL,"
            " author TEXT)"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add(self, posts: Iterable[Row]) -> None:
        """Take posts in."""
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO posts VALUES (?, ?, ?, ?, ?)", posts)
        self._database.execute("COMMIT")

    def __iter__(self) -> Iterator[Row]:
        cursor = self._database.execute("SELECT at_s, topic, label, text, author FROM posts ORDER BY at_s, rowid")
        while rows := cursor.fetchmany(4_096):
            yield from rows
