"""Moving what waits on disk into the database, once it is back: the same for every queue."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from vigie_api.database.disk_queue import DiskQueue
from vigie_api.database.engine import DatabaseAway

_log = logging.getLogger("vigie_api.spool")
_PATIENCE_S = 10.0

T = TypeVar("T")


async def drain(
    queue: DiskQueue[T], paths: Sequence[Path], write: Callable[[Sequence[T]], Awaitable[object]], *, together: int = 1
) -> int:
    """Write what is in these files, in order, `together` in one call of `write`; returns how many items.

    One that the database refuses is set aside. Of two that write the same item, the second changes nothing. Raises
    DatabaseAway.
    """
    moved = 0
    for start in range(0, len(paths), together):
        moved += await _drain_some(queue, paths[start : start + together], write)
    return moved


async def _drain_some(
    queue: DiskQueue[T], paths: Sequence[Path], write: Callable[[Sequence[T]], Awaitable[object]]
) -> int:
    """Write these in one call; one by one when that fails, to find the one that the database refuses."""
    waiting = await asyncio.to_thread(_read, queue, paths)
    if not waiting:
        return 0
    try:
        await write(list(waiting.values()))
    except DatabaseAway:
        raise
    except Exception:
        if len(waiting) > 1:
            return sum([await _drain_some(queue, [path], write) for path in waiting])
        (path,) = waiting
        _log.exception("the database refuses an entry of the spool", extra={"file": path.name})
        await asyncio.to_thread(queue.set_aside, path)
        return 0
    await asyncio.to_thread(_forget, queue, waiting)
    return len(waiting)


def _read(queue: DiskQueue[T], paths: Sequence[Path]) -> dict[Path, T]:
    read = {path: queue.read(path) for path in paths}
    return {path: item for path, item in read.items() if item is not None}


def _forget(queue: DiskQueue[T], paths: Iterable[Path]) -> None:
    for path in paths:
        queue.done(path)


class _Neighbour:
    """Another process that drains the same folder: it may have been stopped, and holds the lock all the same."""

    def __init__(self) -> None:
        self._oldest: Path | None = None
        self._since_s = 0.0

    def stands_still(self, waiting: Sequence[Path], now_s: float) -> bool:
        """Whether the same entry has been the oldest for so long that nobody seems to be at it."""
        oldest = waiting[0] if waiting else None
        if oldest != self._oldest:
            self._oldest, self._since_s = oldest, now_s
        return now_s - self._since_s >= _PATIENCE_S


async def keep_draining(
    queue: DiskQueue[T] | None,
    write: Callable[[Sequence[T]], Awaitable[object]],
    every_s: float,
    *,
    together: int = 1,
) -> None:
    """Drain every `every_s` seconds, until cancelled; without a queue there is nothing to do.

    What came in meanwhile is written at once: as long as anything waits, whatever comes queues behind it, so under load
    a queue that is looked at now and then would never be empty. Of several processes on one folder one drains at a
    time, so the order of arrival is kept.
    """
    neighbour = _Neighbour()
    while queue is not None:
        moved = 0
        try:
            with queue.alone() as alone:
                if alone:
                    neighbour = _Neighbour()
                waiting = await asyncio.to_thread(queue.paths)
                if alone or neighbour.stands_still(waiting, time.monotonic()):
                    moved = await drain(queue, waiting, write, together=together)
                    if moved:
                        _log.info("the spool was drained", extra={"spool": type(queue).__name__, "entries": moved})
        except DatabaseAway:
            _log.debug("the database is still away")
        except Exception:
            _log.exception("the spool could not be drained", extra={"spool": type(queue).__name__})
        await asyncio.sleep(0 if moved else every_s)
