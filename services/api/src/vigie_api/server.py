"""Runs the application in one uvicorn worker."""

import asyncio
import errno
import gc
import socket
import time

import uvicorn
from fastapi import FastAPI

from vigie_api.one_write import OneWriteProtocol
from vigie_api.settings import Settings

_BACKLOG = 2_048
_KEEP_ALIVE_S = 75  # longer than nginx keeps an idle connection, so that it is never us who close first
_GRACE_S = 15
_SETTLE_S = 0.2
# A look at everything that lives takes 10 to 20 ms, which every request under way waits for. With Python's own numbers
# (700, 10, 10), and what the model holds out of its sight, there were two such looks a second under load; now there is
# one in minutes.
_COLLECT_AFTER = (5_000, 10, 10)
_LOOK_S = 0.1


class CannotListen(Exception):  # noqa: N818 - reads as what happened
    """The address cannot be listened on; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises CannotListen."""
    bound: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        if bound is not None:
            bound.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"Port {port} on {host} is in use. Stop what listens there, or choose another with --port."
            ) from error
        raise CannotListen(f"Cannot listen on {host}, port {port}: {error.strerror or error}.") from error
    return bound


class _Worker(uvicorn.Server):
    """Ends without a request failing: it says that it leaves, stops listening, and answers what was sent before."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, delay_s: float) -> None:
        super().__init__(config)
        self._state = app.state
        self._delay_s = delay_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave. Ctrl-C ends the waiting."""
        self._state.leaving = True  # what /readyz says from now on
        ends_s = time.monotonic() + self._delay_s
        while not self.force_exit and time.monotonic() < ends_s:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(_LOOK_S)
        for server in self.servers:
            server.close()
        # uvicorn closes at once what is connected and has not asked yet: let requests that are on their way come in.
        await asyncio.sleep(_SETTLE_S)
        await super().shutdown(sockets)


def worker(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """The one worker: uvloop and httptools, as `serve` runs it."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=OneWriteProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        backlog=_BACKLOG,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Worker(config, app, settings.shutdown_delay_s)


def serve(app: FastAPI, settings: Settings, bound: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    gc.set_threshold(*_COLLECT_AFTER)
    worker(app, settings).run(sockets=[bound])
