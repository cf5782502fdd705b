"""Who judges the chunks of streams: processes of one version, started when first needed, ended when idle."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from vigie_api.champion.serving import Scorer, Served
from vigie_api.problem import Problem
from vigie_api.scoring.worker import Worker, WorkerDied
from vigie_model.bulk.cutting import Chunk
from vigie_model.bulk.judging import judge_rows, read_rows
from vigie_model.bulk.layout import Layout
from vigie_model.bulk.lines import Told, tell

_log = logging.getLogger("vigie_api.scoring")
_SLICE: Final = 50
_BREATH_S: Final = 0.001


class NoWorkers(Problem):
    """The processes that judge streams cannot be had."""

    status = 503
    slug = "no-workers"
    title = "No workers"
    retry_after_s = 10


class Judges(Protocol):
    """Judges chunks with one version."""

    @property
    def abreast(self) -> int:
        """How many chunks are judged at the same time."""
        ...

    async def score(self, layout: Layout, chunk: Chunk) -> Told:
        """The lines of a chunk. Raises WorkerDied."""
        ...


class Processes:
    """Up to `most` processes with the same artifact."""

    def __init__(self, folder: Path, digest: str, most: int) -> None:
        self.abreast = most
        self._folder = folder
        self._digest = digest
        self._idle: list[Worker] = []
        self._places = asyncio.Semaphore(most)
        self._asking: set[asyncio.Task[Told]] = set()
        self._closed = False

    async def prepare(self) -> None:
        """Have one process ready. Raises WorkerDied."""
        async with self._places:
            self._idle.append(await self._take())

    async def score(self, layout: Layout, chunk: Chunk) -> Told:
        """The lines of a chunk; asked again, once, of another process when one dies over it."""
        try:
            return await self._ask(layout, chunk)
        except WorkerDied as died:
            _log.warning("a scoring process died", extra={"reason": str(died)})
            return await self._ask(layout, chunk)

    async def _ask(self, layout: Layout, chunk: Chunk) -> Told:
        await self._places.acquire()
        # A client that goes away must not leave a process with half a question: what was asked is answered.
        asking = asyncio.create_task(self._answered(layout, chunk))
        self._asking.add(asking)
        asking.add_done_callback(self._done)
        return await asyncio.shield(asking)

    def _done(self, asking: "asyncio.Task[Told]") -> None:
        self._asking.discard(asking)
        self._places.release()
        if not asking.cancelled():
            asking.exception()  # told to who asked; when that one has left, to nobody

    async def _answered(self, layout: Layout, chunk: Chunk) -> Told:
        worker = await self._take()
        try:
            told = await worker.ask(layout, chunk)
        except BaseException:
            await worker.end()
            raise
        self._idle.append(worker)
        return told

    async def _take(self) -> Worker:
        if self._closed:
            raise WorkerDied("The service is leaving.")
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
        return await Worker.start(self._folder, self._digest)

    async def close(self) -> None:
        """End the processes, after what they were asked. Safe to call twice."""
        self._closed = True
        await asyncio.gather(*self._asking, return_exceptions=True)
        idle, self._idle = self._idle, []
        for worker in idle:
            await worker.end()


class InProcess:
    """One thread of ours, for a model that is not in a folder, or where processes are not wanted."""

    abreast = 1

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="score")

    async def score(self, layout: Layout, chunk: Chunk) -> Told:
        """The lines of a chunk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._score, layout, chunk)

    def _score(self, layout: Layout, chunk: Chunk) -> Told:
        rows = read_rows(layout, chunk)
        said = []
        for start in range(0, len(rows), _SLICE):
            said += judge_rows(self._scorer, rows[start : start + _SLICE])
            time.sleep(_BREATH_S)  # the interpreter is for whoever asks for one tweet
        return tell(layout, chunk.first_row, rows, said)

    async def close(self) -> None:
        """End the thread. Safe to call twice."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class Pool:
    """Hands out the judges of a version; those of one version at a time are kept when nobody needs them."""

    def __init__(self, *, workers: int, idle_s: float) -> None:
        self._workers = workers
        self._idle_s = idle_s
        self._judges: dict[str, Processes | InProcess] = {}
        self._users: dict[str, int] = {}
        self._newest = ""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def judges_of(self, served: Served) -> AsyncIterator[Judges]:
        """Its judges, ready, for as long as the block runs. Raises NoWorkers."""
        key = f"{served.version} {served.loaded_at.isoformat()}"
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key not in self._judges:
            self._judges[key] = self._new(served.scorer)
        judges, before = self._judges[key], self._newest
        self._users[key] = self._users.get(key, 0) + 1
        self._newest = key
        if before != key and before in self._judges and not self._users.get(before):
            self._end(before)
        try:
            if isinstance(judges, Processes):
                try:
                    await judges.prepare()
                except WorkerDied as died:
                    _log.error("streams cannot be judged", extra={"reason": str(died)})
                    raise NoWorkers("The processes that judge streams do not start. Try again in a while.") from died
            yield judges
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                if key == self._newest and self._idle_s > 0:
                    self._timers[key] = asyncio.get_running_loop().call_later(self._idle_s, self._end, key)
                else:
                    self._end(key)

    def _new(self, scorer: Scorer) -> Processes | InProcess:
        folder, digest = getattr(scorer, "folder", None), getattr(scorer, "digest", None)
        if folder is None or digest is None or not self._workers:
            return InProcess(scorer)
        return Processes(folder, digest, self._workers)

    def _end(self, key: str) -> None:
        self._users.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        judges = self._judges.pop(key, None)
        if judges is not None:
            task = asyncio.create_task(judges.close())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End everything. Safe to call twice."""
        for key in list(self._judges):
            self._end(key)
        await asyncio.gather(*self._ending, return_exceptions=True)
