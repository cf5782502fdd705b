"""One process that judges chunks: see `vigie_model.bulk.worker`."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any, Final

from vigie_model.bulk.cutting import Chunk
from vigie_model.bulk.layout import Layout
from vigie_model.bulk.lines import Told
from vigie_model.bulk.worker import HEAD, answer_of, question

# The processes are the parallelism: a library that starts a thread a core in each would only get in the way.
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_START_S: Final = 60.0
_END_S: Final = 5.0
_ANSWER_S: Final = 120.0
"""For one chunk, which takes a heavy model seconds: after so long the process is taken for stuck."""
# All it may know of our environment; secrets are none of its business.
_HANDED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "HOME")


class WorkerDied(Exception):  # noqa: N818 - reads as what happened
    """The process is gone, or never got ready; the message says what it said."""


class Worker:
    """A process with the model in `folder` loaded. Answers one question at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, folder: Path, digest: str) -> "Worker":
        """A worker that is ready. Raises WorkerDied."""
        command = (sys.executable, "-m", "vigie_model.bulk.worker", str(folder), digest)
        environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ} | _ONE_THREAD
        # A group of its own: Ctrl-C is for us, and we end it.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(_START_S):
                said, _ = await worker._read()
        except TimeoutError:
            await worker.end()
            raise WorkerDied("It did not get ready.") from None
        except BaseException:
            await worker.end()
            raise
        if "error" in said:
            await worker.end()
            raise WorkerDied(said["error"])
        return worker

    @property
    def alive(self) -> bool:
        """Whether it can be asked, as far as is known."""
        return self._process.returncode is None

    async def ask(self, layout: Layout, chunk: Chunk) -> Told:
        """The lines of a chunk. Raises WorkerDied; the process is of no more use then."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._asked(layout, chunk)
        except TimeoutError:
            raise WorkerDied("It does not answer.") from None

    async def _asked(self, layout: Layout, chunk: Chunk) -> Told:
        sink = self._process.stdin
        if sink is None:
            raise WorkerDied("It cannot be asked.")
        try:
            sink.write(question(layout, chunk))
            await sink.drain()
        except (ConnectionError, RuntimeError):
            raise WorkerDied("It does not listen any more.") from None
        return answer_of(*await self._read())

    async def _read(self) -> tuple[dict[str, Any], bytes]:
        source = self._process.stdout
        if source is None:
            raise WorkerDied("It cannot answer.")
        try:
            said, size = HEAD.unpack(await source.readexactly(HEAD.size))
            document: dict[str, Any] = json.loads(await source.readexactly(said))
            return document, await source.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerDied("It ended, perhaps for lack of memory.") from None

    async def end(self) -> None:
        """End the process. Safe to call twice."""
        if self._process.returncode is not None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()  # it ends with its input
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
