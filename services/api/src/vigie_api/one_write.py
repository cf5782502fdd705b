"""Sends the head and the body of a response in one system call.

uvicorn writes them one after the other, uvloop hands each to the kernel at once, and a system call is a good part of
the cost of a prediction. Here the head waits for the body, which the same task sends right after it, and
for no longer than the current turn of the event loop.
"""

import asyncio
from typing import Any

from vigie_api.wire import RefusingProtocol


class JoiningTransport:
    """A transport that joins writes made in one turn of the event loop, two by two."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Send `data` with what is held, or hold it until the next write or the next turn."""
        held = self._held
        if held:
            self._held = b""
            self._transport.write(held + data)
        else:
            self._held = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Send what is held, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(RefusingProtocol):
    """uvicorn's HTTP protocol on a `JoiningTransport`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # narrower, as uvicorn's
        """Start with the connection."""
        super().connection_made(JoiningTransport(transport, self.loop))  # type: ignore[arg-type] # what uvicorn uses of it
