"""Moving what waits on disk into the database, once it is back: the same for every queue."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from vigie_api.database.disk_queue import DiskQueue
from vigie_api.database.engine import DatabaseAway

_log = logging.getLogger("vigie_api.spool")
_PATIENCE_S = 10.0

T = TypeVar("T")


async def drain(queue: DiskQueue[T], paths: Sequence[Path], write: Callable[[T], Awaitable[object]]) -> int:
    """Write what is in these files, in order; returns how many items. One that the database refuses is set aside.

    Of two that write the same item, the second changes nothing. Raises DatabaseAway.
    """
    moved = 0
    for path in paths:
        item = await asyncio.to_thread(queue.read, path)
        if item is None:
            continue
        try:
            await write(item)
        except DatabaseAway:
            raise
        except Exception:
            _log.exception("the database refuses an entry of the spool", extra={"file": path.name})
            await asyncio.to_thread(queue.set_aside, path)
        else:
            await asyncio.to_thread(queue.done, path)
            moved += 1
    return moved


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


async def keep_draining(queue: DiskQueue[T] | None, write: Callable[[T], Awaitable[object]], every_s: float) -> None:
    """Drain every `every_s` seconds, until cancelled; without a queue there is nothing to do.

    Of several processes on one folder one drains at a time, so the order of arrival is kept.
    """
    neighbour = _Neighbour()
    while queue is not None:
        try:
            with queue.alone() as alone:
                if alone:
                    neighbour = _Neighbour()
                waiting = await asyncio.to_thread(queue.paths)
                if alone or neighbour.stands_still(waiting, time.monotonic()):
                    moved = await drain(queue, waiting, write)
                    if moved:
                        _log.info("the spool was drained", extra={"spool": type(queue).__name__, "entries": moved})
        except DatabaseAway:
            _log.debug("the database is still away")
        except Exception:
            _log.exception("the spool could not be drained", extra={"spool": type(queue).__name__})
        await asyncio.sleep(every_s)
