"""A TCP proxy that delays, holds up or cuts what passes, on command. Runs in a container, with nothing but Python.

python chaos_proxy.py --to postgres:5432 --port 5432 --control 9000
echo 'delay 0.2' | nc proxy 9000     each piece of data waits so many seconds, each way
echo 'stall'                         nothing passes, connections stay open, new ones are taken and not served
echo 'cut 0.5'                       every connection is reset, again every so many seconds
echo 'pass'                          as if it were not there
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

_PIECE = 65_536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time at all: closing sends RST instead of FIN."""


@dataclass
class Proxy:
    """Passes connections on to `host`:`port`; `order` changes what it does with them, at any time."""

    host: str
    port: int
    delay_s: float = 0.0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _cutting: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._open.set()

    def order(self, words: str) -> str:
        """Do as told; returns `ok` or what was not understood."""
        verb, *rest = words.split() or [""]
        if verb not in ("pass", "delay", "stall", "cut") or len(rest) != (verb in ("delay", "cut")):
            return f"what is {words!r}?"
        if self._cutting is not None:
            self._cutting.cancel()
            self._cutting = None
        self.delay_s = float(rest[0]) if verb == "delay" else 0.0
        if verb == "stall":
            self._open.clear()
        else:
            self._open.set()
        if verb == "cut":
            self._cutting = asyncio.create_task(self._cut_again(float(rest[0])))
        return "ok"

    async def _cut_again(self, every_s: float) -> None:
        while True:
            for writer in tuple(self._writers):
                reset(writer)
            await asyncio.sleep(every_s)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways, until either side ends it."""
        self._writers.add(writer)
        try:
            await self._open.wait()
            await self._join(reader, writer)
        except OSError:
            return  # nobody is beyond: whoever asked sees the connection end
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond_reader, beyond = await asyncio.open_connection(self.host, self.port)
        self._writers.add(beyond)
        try:
            await _first_of(self._pump(reader, beyond), self._pump(beyond_reader, writer))
        finally:
            self._writers.discard(beyond)
            beyond.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(_PIECE):
                await self._open.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(piece)
                await writer.drain()
        except OSError:
            return  # the other side is gone: so is this one, in a moment

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One line, one order, one answer."""
        writer.write(f"{self.order((await reader.readline()).decode().strip())}\n".encode())
        await writer.drain()
        writer.close()


async def _first_of(*ways: Coroutine[Any, Any, None]) -> None:
    """Wait until one of them ends, and end the others."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a machine does that has forgotten it: with RST."""
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def main() -> None:
    """Listen for ever."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - in a container, on an internal network
    parser.add_argument("--port", type=int, default=5432)
    parser.add_argument("--control", type=int, default=9000)
    chosen = parser.parse_args()
    host, _, port = chosen.to.rpartition(":")
    proxy = Proxy(host, int(port))
    await asyncio.start_server(proxy.control, chosen.host, chosen.control)
    server = await asyncio.start_server(proxy.serve, chosen.host, chosen.port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
