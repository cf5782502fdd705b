"""Lets streams in, a few at a time, and finds them their judges."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from vigie_api.champion.serving import Served
from vigie_api.problem import Problem
from vigie_api.scoring.pool import Judges, Pool
from vigie_api.scoring.shelf import Shelf

_MOST_WORKERS = 4


class TooManyStreams(Problem):
    """As many streams are scored as may be."""

    status = 429
    slug = "too-many-streams"
    title = "Too many streams"
    retry_after_s = 10


class ScoreDesk:
    """`streams` at the same time share `workers` processes (None: one a core, four at most).

    `stall_s`: a client may pause for so long. Answers that have to wait do so in `folder`, up to `most_waiting_bytes`
    each.
    """

    def __init__(
        self,
        *,
        streams: int,
        workers: int | None,
        idle_s: float,
        stall_s: float,
        folder: Path,
        most_waiting_bytes: int,
    ) -> None:
        self.stall_s = stall_s
        self._folder = folder
        self._most_waiting_bytes = most_waiting_bytes
        self._most = streams
        self._pool = Pool(workers=_default_workers() if workers is None else workers, idle_s=idle_s)
        self.open = 0

    @asynccontextmanager
    async def place(self, served: Served) -> AsyncIterator[Judges]:
        """The judges of a version, for one stream. Raises TooManyStreams or NoWorkers."""
        if self.open >= self._most:
            raise TooManyStreams(f"{self._most} streams are being scored, and no more are at a time. Try again later.")
        self.open += 1
        try:
            async with self._pool.judges_of(served) as judges:
                yield judges
        finally:
            self.open -= 1

    @contextmanager
    def shelf(self) -> Iterator[Shelf]:
        """A place for one answer: a file without a name, which is gone when the block, or the process, has ended."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=self._folder, buffering=0) as file:
            yield Shelf(file, self._most_waiting_bytes)

    async def close(self) -> None:
        """End the processes. Safe to call twice."""
        await self._pool.close()


def _default_workers() -> int:
    return min(_MOST_WORKERS, len(os.sched_getaffinity(0)))
