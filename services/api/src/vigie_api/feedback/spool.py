"""Feedback on disk while the database is away: one file an entry, named in order of arrival.

An entry is durable when `append` returns: its file was synced, renamed to its name, and its folder synced. Whoever dies
in between leaves a `.new` file, which was never answered for and is removed.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from vigie_api.feedback.table import Entry

_SUFFIX = ".json"
_DAMAGED = ".damaged"


class Spool:
    """A durable queue in a folder that survives the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._last_ns = 0
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.new"):
            unfinished.unlink(missing_ok=True)
        self._depth = sum(1 for _ in folder.glob(f"*{_SUFFIX}"))

    @property
    def depth(self) -> int:
        """Entries that wait."""
        return self._depth

    def append(self, entry: Entry) -> None:
        """Keep an entry; on disk when this returns. Raises OSError when the disk refuses."""
        with self._lock:
            self._last_ns = max(time.time_ns(), self._last_ns + 1)
            name = f"{self._last_ns:020d}-{entry.id}"
            temporary = self._folder / f"{name}.new"
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(asdict(entry) | {"received_at": entry.received_at.isoformat()}, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self._folder / f"{name}{_SUFFIX}")
            self._sync_folder()
            self._depth += 1

    def waiting(self) -> Iterator[tuple[Path, Entry]]:
        """What waits now, oldest first. A damaged file is set aside under another name, for a person to look at."""
        with self._lock:
            paths = sorted(self._folder.glob(f"*{_SUFFIX}"))
            self._depth = len(paths)  # `vigie-api forget` removes files behind our back
        for path in paths:
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
                entry = Entry(**values | {"received_at": datetime.fromisoformat(values["received_at"])})
            except FileNotFoundError:
                continue
            except (ValueError, TypeError, KeyError):
                self.set_aside(path)
                continue
            yield path, entry

    def done(self, path: Path) -> None:
        """An entry is in the database: forget it here."""
        path.unlink(missing_ok=True)
        self._count_down()

    def set_aside(self, path: Path) -> None:
        """An entry can never be taken: keep it out of the way."""
        path.rename(path.with_suffix(_DAMAGED))
        self._count_down()

    def _count_down(self) -> None:
        with self._lock:
            self._depth = max(0, self._depth - 1)

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
