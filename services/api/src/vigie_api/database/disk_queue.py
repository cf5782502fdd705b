"""What is kept on disk while the database is away: one file an item, named in order of arrival.

An item is durable when `append` returns: its file was synced, renamed to its name, and its folder synced. Whoever dies
in between leaves a `.new` file, which was never answered for and is removed.

Several processes may share the folder, as the replicas of one machine do: the order of arrival is then that of them
all, and what one of them could not write, or left behind when it died, the others do.
"""

import json
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from vigie_api.folder_lock import locked

_SUFFIX = ".json"
_DAMAGED = ".damaged"
_ABANDONED_S = 60.0  # a process that lives renames its file within milliseconds

T = TypeVar("T")


class DiskQueue(ABC, Generic[T]):
    """A durable queue in a folder that survives the process. A subclass says how an item is written as JSON."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._last_ns = 0
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.new"):
            with suppress(FileNotFoundError):  # a neighbour's, which has its name by now
                if unfinished.stat().st_mtime < time.time() - _ABANDONED_S:
                    unfinished.unlink()
        self._depth = sum(1 for _ in folder.glob(f"*{_SUFFIX}"))

    @abstractmethod
    def name(self, item: T) -> str:
        """What names the item's file, after the time: an id."""

    @abstractmethod
    def document(self, item: T) -> Any:
        """The item as JSON takes it."""

    @abstractmethod
    def item(self, document: Any) -> T:
        """What `document` gave. Raises ValueError, TypeError or KeyError when it is damaged."""

    @property
    def depth(self) -> int:
        """Items that wait."""
        return self._depth

    def append(self, item: T) -> None:
        """Keep an item; on disk when this returns. Raises OSError when the disk refuses."""
        with self._lock:
            self._last_ns = max(time.time_ns(), self._last_ns + 1)
            name = f"{self._last_ns:020d}-{self.name(item)}"
            temporary = self._folder / f"{name}.new"
            try:
                with temporary.open("w", encoding="utf-8") as file:
                    json.dump(self.document(item), file, ensure_ascii=False)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.rename(self._folder / f"{name}{_SUFFIX}")
            except BaseException:
                temporary.unlink(missing_ok=True)  # a full disk would be full of what was refused
                raise
            self._sync_folder()
            self._depth += 1

    def alone(self) -> AbstractContextManager[bool]:
        """Whoever gets True moves what waits, while it holds: twice would be no harm, but work for nothing."""
        return locked(self._folder)

    def waiting(self) -> Iterator[tuple[Path, T]]:
        """What waits now, oldest first."""
        for path in self.paths():
            item = self.read(path)
            if item is not None:
                yield path, item

    def paths(self) -> list[Path]:
        """The files of what waits now, oldest first."""
        with self._lock:
            paths = sorted(self._folder.glob(f"*{_SUFFIX}"))
            self._depth = len(paths)  # `vigie-api forget` removes files behind our back
        return paths

    def read(self, path: Path) -> T | None:
        """What is in a file; None when it went meanwhile, or is damaged: then it is set aside under another name."""
        try:
            return self.item(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            self.set_aside(path)
            return None

    def done(self, path: Path) -> None:
        """An item is in the database: forget it here."""
        path.unlink(missing_ok=True)
        self._count_down()

    def set_aside(self, path: Path) -> None:
        """An item can never be taken: keep it out of the way. Another process may have done so."""
        with suppress(FileNotFoundError):
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
