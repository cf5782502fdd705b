"""Moving what waits on disk into the database, once it is back: the same for every queue."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vigie_api.database.disk_queue import DiskQueue
from vigie_api.database.engine import DatabaseAway

_log = logging.getLogger("vigie_api.spool")

T = TypeVar("T")


async def drain(queue: DiskQueue[T], write: Callable[[T], Awaitable[object]]) -> int:
    """Write what waits, in order; returns how many items. One that the database refuses is set aside.

    The folder is looked at, not the count of this process: another one that shares it may have died. Of two that write
    the same item, the second changes nothing. Raises DatabaseAway.
    """
    moved = 0
    for path in await asyncio.to_thread(queue.paths):
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


async def keep_draining(queue: DiskQueue[T] | None, write: Callable[[T], Awaitable[object]], every_s: float) -> None:
    """Drain every `every_s` seconds, until cancelled; without a queue there is nothing to do."""
    while queue is not None:
        try:
            moved = await drain(queue, write)
            if moved:
                _log.info("the spool was drained", extra={"spool": type(queue).__name__, "entries": moved})
        except DatabaseAway:
            _log.debug("the database is still away")
        except Exception:
            _log.exception("the spool could not be drained", extra={"spool": type(queue).__name__})
        await asyncio.sleep(every_s)
