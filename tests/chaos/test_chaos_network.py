"""The proxy between API and Postgres, and the mail server, as the chaos suite needs them: over real sockets."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while said := await reader.read(100):
            writer.write(said)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Any, int]]:
    """A proxy before a server that repeats what it hears, and the port to reach it by."""
    from chaos_proxy import Proxy

    async with await asyncio.start_server(echo, "127.0.0.1") as server:
        proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1])
        async with await asyncio.start_server(proxy.serve, "127.0.0.1") as front:
            yield proxy, front.sockets[0].getsockname()[1]
            proxy.order("cut 60")  # nobody waits for a connection that a test left open
            await asyncio.sleep(0)


async def said_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes) -> bytes:
    writer.write(words)
    return await reader.readexactly(len(words))


async def test_the_proxy_passes_both_ways_and_with_a_delay_too() -> None:
    async with proxied() as (proxy, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await said_back(reader, writer, b"hello") == b"hello"
        assert proxy.order("delay 0.01") == "ok"
        assert await said_back(reader, writer, b"slow") == b"slow"
        writer.close()


async def test_what_it_held_up_arrives_when_it_passes_again() -> None:
    async with proxied() as (proxy, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await said_back(reader, writer, b"a") == b"a"
        proxy.order("stall")
        waiting = asyncio.create_task(said_back(reader, writer, b"held"))
        assert (await asyncio.wait([waiting], timeout=0.05))[1]
        proxy.order("pass")
        assert await waiting == b"held"
        writer.close()


async def test_what_it_cuts_is_reset_and_a_new_connection_passes_afterwards() -> None:
    async with proxied() as (proxy, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await said_back(reader, writer, b"a") == b"a"
        proxy.order("cut 60")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()
        proxy.order("pass")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await said_back(reader, writer, b"b") == b"b"
        writer.close()


@pytest.mark.parametrize("words", ["", "slow", "delay", "cut", "pass 1"])
async def test_it_says_what_it_does_not_understand(words: str) -> None:
    async with proxied() as (proxy, _):
        assert proxy.order(words).startswith("what is")


def send(port: int, *ids: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
        for message_id in ids:
            smtp.sendmail("a@x.org", ["b@x.org"], f"Message-ID: {message_id}\r\nSubject: s\r\n\r\n.dot\r\nbody\r\n")


async def test_the_mail_server_has_each_message_id_on_disk_once_it_said_so(tmp_path: Path) -> None:
    from chaos_inbox import Inbox

    inbox = Inbox(tmp_path / "taken")
    async with await asyncio.start_server(inbox.serve, "127.0.0.1", limit=2**20) as server:
        port = server.sockets[0].getsockname()[1]
        await asyncio.to_thread(send, port, "<one@x>", "<two@x>")
        assert (tmp_path / "taken").read_text().split() == ["<one@x>", "<two@x>"]
        await asyncio.to_thread(send, port, "<one@x>")
        assert (tmp_path / "taken").read_text().split()[-1] == "<one@x>"
