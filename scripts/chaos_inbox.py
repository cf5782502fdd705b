"""A mail server for the chaos suite, in mailpit's place: it has its Message-ID on disk before it says 250.

Mailpit itself keeps what it took in memory, or in a file that a kill may cut short: then nobody could tell an e-mail
that the API lost from one that the mail server did. Runs in a container, with nothing but Python.

    python chaos_inbox.py --port 1025 --file /mail/taken
"""

from __future__ import annotations

import argparse
import asyncio
import os
from email.parser import BytesHeaderParser
from pathlib import Path

_GREETING = {b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"}


class Inbox:
    """Speaks as much of RFC 5321 as a client needs that neither signs in nor encrypts."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            writer.write(b"220 chaos\r\n")
            while line := await reader.readline():
                verb = line.strip()[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    self._take(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(b"250 taken\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250 chaos\r\n" if verb in _GREETING else b"502 what?\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _take(self, message: bytes) -> None:
        message_id = str(BytesHeaderParser().parsebytes(message)["Message-ID"])
        os.write(self._descriptor, f"{message_id}\n".encode())
        os.fsync(self._descriptor)


async def main() -> None:
    """Listen for ever."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - in a container, on an internal network
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--file", type=Path, required=True)
    chosen = parser.parse_args()
    server = await asyncio.start_server(Inbox(chosen.file).serve, chosen.host, chosen.port, limit=2**24)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
