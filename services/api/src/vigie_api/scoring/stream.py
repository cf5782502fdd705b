"""An answer that is written while the request is still being read.

Reading stops when enough is under way, so a client that does not read its answer is not read from either. The HTTP
status is gone when the first line leaves; the last line says how it ended.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any, Final

from fastapi.responses import Response
from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from vigie_api.champion.serving import Served
from vigie_api.problem import Problem
from vigie_api.scoring.pool import Judges
from vigie_api.scoring.shelf import Ended, Shelf
from vigie_api.scoring.worker import WorkerDied
from vigie_api.telemetry.metrics import Metrics
from vigie_model.bulk.cutting import Chunk, Cutter
from vigie_model.bulk.lines import Told

NDJSON: Final = "application/x-ndjson"
_FULL_BYTES: Final = 65_536
"""A chunk this large is judged at once; a smaller one waits for more while everybody is busy."""
_SHORT_BYTES: Final = 4_096
_GATHER_S: Final = 0.01
_LOOK_S: Final = 0.5
_DISCARD_S: Final = 2.0


class NoHeader(Problem):
    """The head of the stream did not come."""

    status = 503
    slug = "no-header"
    title = "No header"
    retry_after_s = 5


class Body:
    """The bytes of a request as they come; a pause of more than `stall_s` is the end.

    `leaving` says whether the process was told to end.
    """

    def __init__(self, receive: Receive, *, stall_s: float, leaving: Callable[[], bool]) -> None:
        self._receive = receive
        self._stall_s = stall_s
        self._leaving = leaving
        self._coming: asyncio.Task[Message] | None = None
        self.ended = False

    async def next(self, wait_s: float | None = None) -> bytes | None:
        """The next bytes; None when none came within `wait_s`; b"" at the end. Raises Ended or ClientDisconnect."""
        until_s = time.monotonic() + self._stall_s
        while not self.ended:
            if self._leaving():
                raise Ended("the service is being restarted; send the rest again")
            if self._coming is None:
                self._coming = asyncio.ensure_future(self._receive())
            done, _ = await asyncio.wait({self._coming}, timeout=_LOOK_S if wait_s is None else wait_s)
            if not done:
                if wait_s is not None:
                    return None
                if time.monotonic() > until_s:
                    raise Ended(f"nothing came for {self._stall_s:g} seconds")
                continue
            message, self._coming = self._coming.result(), None
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self.ended = not message.get("more_body", False)
            if data := message.get("body", b""):
                return bytes(data)
        return b""

    async def head(self, cutter: Cutter) -> list[Chunk]:
        """Read until the cutter knows the layout; the chunks that came with it.

        Raises Unreadable, NoHeader or ClientDisconnect.
        """
        chunks: list[Chunk] = []
        try:
            while cutter.layout is None:
                data = await self.next()
                chunks += cutter.feed(data) if data else cutter.finish()
        except Ended as ended:
            raise NoHeader(f"{str(ended)[:1].upper()}{str(ended)[1:]}.") from None
        return chunks

    async def discard(self) -> None:
        """Read on for a moment, so that closing the connection does not overtake the last line."""
        self._leaving = lambda: False
        with suppress(TimeoutError, Ended, ClientDisconnect):
            async with asyncio.timeout(_DISCARD_S):
                while not self.ended:
                    await self.next()

    def close(self) -> None:
        """Wait for nothing more."""
        if self._coming is not None:
            self._coming.cancel()


class ScoredStream(Response):
    """The lines of a stream. `held` is let go when it is over: the slot, the judges and the shelf.

    With a `shelf`, they wait there until the request has been sent.
    """

    def __init__(
        self,
        *,
        body: Body,
        cutter: Cutter,
        first: list[Chunk],
        judges: Judges,
        served: Served,
        metrics: Metrics,
        stall_s: float,
        held: AsyncExitStack,
        shelf: Shelf | None = None,
    ) -> None:
        super().__init__(media_type=NDJSON, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._body = body
        self._cutter = cutter
        if cutter.layout is None:
            raise ValueError("the head of the stream has not been read")
        self._layout = cutter.layout
        self._first = first
        self._judges = judges
        self._served = served
        self._metrics = metrics
        self._stall_s = stall_s
        self._held = held
        self._shelf = shelf
        self._scored = self._refused = 0
        self._under_way = 0
        self._room = asyncio.Semaphore(2 * judges.abreast)
        self._trouble: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        async with self._held:
            try:
                if self._shelf is None:
                    await self._begin(send)
                async with aclosing(self._told()) as in_order:
                    async for told in in_order:
                        try:
                            waits = await self._waits(send, told)
                        except Ended as ended:
                            self._trouble = str(ended)
                            break
                        if not waits:
                            await self._send(send, told.lines)
                        self._count(told)
                await self._empty_shelf(send)
                await self._send(send, self._last_line(), more=self._trouble is not None)
                if self._trouble is not None:
                    await self._body.discard()
                    await self._send(send, b"", more=False)
            finally:
                self._body.close()

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _waits(self, send: Send, told: Told) -> bool:
        """Whether this answer is on the shelf."""
        if self._shelf is None:
            return False
        if self._body.ended:
            await self._empty_shelf(send)
            return False
        await self._shelf.put(told.lines)
        return True

    async def _empty_shelf(self, send: Send) -> None:
        shelf, self._shelf = self._shelf, None
        if shelf is not None:
            await self._begin(send)
            async for piece in shelf.all():
                await self._send(send, piece)

    async def _send(self, send: Send, data: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError:  # it does not read; nothing that we say would reach it
            raise ClientDisconnect from None

    def _count(self, told: Told) -> None:
        self._scored += told.positive + told.negative
        self._refused += told.refused
        for sentiment, number in (("positive", told.positive), ("negative", told.negative)):
            if number:
                self._metrics.predicted(sentiment, self._served.version, number)

    async def _told(self) -> AsyncGenerator[Told, None]:
        """The answers to the chunks, in order; what goes wrong is left in `_trouble`. Raises ClientDisconnect."""
        under_way: asyncio.Queue[asyncio.Task[Told] | None] = asyncio.Queue()
        asking = asyncio.create_task(self._ask(under_way))
        try:
            while (task := await under_way.get()) is not None:
                told = await task
                yield told
                self._under_way -= 1
                self._room.release()
            await asking
        except WorkerDied:
            self._trouble = "the processes that judge end again and again; send the rest again later"
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            while not under_way.empty():
                left = under_way.get_nowait()
                if left is not None:
                    left.cancel()
                    await asyncio.gather(left, return_exceptions=True)

    async def _ask(self, under_way: "asyncio.Queue[asyncio.Task[Told] | None]") -> None:
        """Have every chunk judged, in order; None comes last, however it ends."""
        try:
            await self._have_judged(self._first, under_way)
            gathered = b""
            while not self._body.ended:
                busy = self._under_way >= self._judges.abreast
                data = await self._body.next(_GATHER_S if gathered else None)
                gathered += data or b""
                if data and busy and len(gathered) < _FULL_BYTES:
                    continue
                await self._have_judged(await self._cut(gathered), under_way)
                gathered = b""
            await self._have_judged(await self._cut(gathered), under_way)
            await self._have_judged(self._cutter.finish(), under_way)
        except Ended as ended:
            self._trouble = str(ended)
        finally:
            under_way.put_nowait(None)

    async def _cut(self, data: bytes) -> list[Chunk]:
        if len(data) < _SHORT_BYTES:
            return self._cutter.feed(data)
        return await asyncio.to_thread(self._cutter.feed, data)

    async def _have_judged(self, chunks: list[Chunk], under_way: "asyncio.Queue[asyncio.Task[Told] | None]") -> None:
        for chunk in chunks:
            await self._room.acquire()
            self._under_way += 1
            under_way.put_nowait(asyncio.create_task(self._judges.score(self._layout, chunk)))

    def _last_line(self) -> bytes:
        rows = self._scored + self._refused
        said: dict[str, Any] = {"done": self._trouble is None, "rows": rows}
        said |= {"scored": self._scored, "refused": self._refused, "model": self._served.reference}
        if self._trouble is not None:
            said["error"] = f"{self._trouble}, from row {rows + 1} on"
        return to_json(said) + b"\n"
