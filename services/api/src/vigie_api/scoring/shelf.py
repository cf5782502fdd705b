"""Where the answer to a stream waits until the request has been sent.

A proxy that forwards HTTP/1.1 request by request, as nginx does, stops forwarding a request once its answer has begun
and the connection was full for a moment: the rest never comes. Behind one, an answer may begin only afterwards.
"""

import asyncio
from collections.abc import AsyncIterator
from io import FileIO
from typing import Final

HEADER: Final = "X-Vigie-Answer-Afterwards"
"""A proxy sets it, to anything, on requests whose answers are to wait."""
_PIECE: Final = 65_536


class Ended(Exception):  # noqa: N818 - reads as what happened
    """The stream ends early; the message says why and what to do."""


class Shelf:
    """Bytes in the order in which they were put there, `most_bytes` at most, in a file that is open for both ways and
    not buffered: what a full disk refuses must not be tried again later.
    """

    def __init__(self, file: FileIO, most_bytes: int) -> None:
        self._file = file
        self._most = most_bytes
        self._size = 0

    async def put(self, data: bytes) -> None:
        """Keep these bytes. Raises Ended; what was kept before is still there."""
        if self._size + len(data) > self._most:
            raise Ended(f"no more than {self._most / 1_000_000:,.0f} MB of an answer wait here; send the rest again")
        try:
            await asyncio.to_thread(self._write, data)
        except OSError:
            self._file.truncate(self._size)
            raise Ended("the disk on which the answer waits is full; send the rest again") from None
        self._size += len(data)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    async def all(self) -> AsyncIterator[bytes]:
        """What was kept, in pieces. Nothing can be put there afterwards."""
        self._file.seek(0)
        while data := await asyncio.to_thread(self._file.read, _PIECE):
            yield data
