"""A server on a port with processes that score, and connections that write and read at the same time."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from fastapi import FastAPI

from vigie_api.app import create_app
from vigie_api.champion.source import FixedSource, load_artifact
from vigie_api.scoring.desk import ScoreDesk
from vigie_api.server import listen, worker


class Raw:
    """One connection that speaks HTTP by hand, to write and read at the same time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def post(cls, port: int) -> "Raw":
        raw = cls(*await asyncio.open_connection("127.0.0.1", port))
        head = "POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
        raw.writer.write((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        return raw

    async def send(self, data: bytes) -> None:
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self.writer.drain()

    def end(self) -> None:
        """That was all."""
        self.writer.write(b"0\r\n\r\n")

    async def line(self) -> dict:
        """The next line that is an object; the lengths of chunks and the head are passed over."""
        while not (line := await self.reader.readline()).startswith(b"{"):
            assert line, "the connection ended"
        return json.loads(line)


@pytest.fixture
async def post() -> AsyncIterator[Callable[[int], Awaitable[Raw]]]:
    """Opens a stream to a port; closed when the test is over."""
    opened: list[Raw] = []

    async def open_one(port: int) -> Raw:
        opened.append(await Raw.post(port))
        return opened[-1]

    yield open_one
    for raw in opened:
        raw.writer.close()
        with contextlib.suppress(ConnectionError):
            await raw.writer.wait_closed()


@dataclass(frozen=True)
class Served:
    app: FastAPI
    port: int

    @property
    def desk(self) -> ScoreDesk:
        return self.app.state.services.scoring


@pytest.fixture
async def served(settings, make_artifact, tmp_path, until) -> AsyncIterator[Served]:
    """A server of one's own on a port, with a real artifact and two processes to judge."""
    made = settings.model_copy(update={"score_workers": 2, "score_idle_s": 0.0})
    app = create_app(made, model_source=FixedSource(load_artifact(make_artifact(tmp_path / "artifact"))))
    bound = listen("127.0.0.1", 0)
    server = worker(app, made)
    serving = asyncio.create_task(server._serve(sockets=[bound]))
    await until(lambda: server.started)
    yield Served(app, bound.getsockname()[1])
    server.should_exit = True
    await serving
