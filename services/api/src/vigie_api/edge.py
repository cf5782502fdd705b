"""The outermost middleware, plain ASGI: request id, body limit, the last catch, metrics and the access log.

One layer does it all because a layer costs: each wraps `send` and looks at the headers again.
"""

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie_api import problem
from vigie_api.telemetry.appinsights.items import CURRENT_REQUEST
from vigie_api.telemetry.appinsights.sink import ApplicationInsights
from vigie_api.telemetry.metrics import Metrics

_log = logging.getLogger("vigie_api.access")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SLOW_S = 1.0
_CLIENT_LEFT = 499  # nginx' number for a client that went away before it had sent its request
_ENTROPY_BYTES = 4096


def request_ids() -> Iterator[bytes]:
    """Endless random ids of 32 hexadecimal digits; entropy is drawn in bulk because a system call each is dear."""
    while True:
        pool = os.urandom(_ENTROPY_BYTES).hex().encode()
        for start in range(0, len(pool), 32):
            yield pool[start : start + 32]


class Edge:
    """Wraps the application. `max_body_bytes` holds for chunked bodies too, and before anything is parsed.

    `larger_bodies` are paths with a limit of their own.

    `root_path` is the prefix that a gateway takes off the path before it asks us.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        insights: ApplicationInsights | None,
        max_body_bytes: int,
        larger_bodies: Mapping[str, int],
        access_log_every: int,
        root_path: str,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._insights = insights
        self._max_body_bytes = max_body_bytes
        self._larger = {root_path + path: limit for path, limit in larger_bodies.items()}
        self._log_every = access_log_every
        self._root_path = root_path
        self._ids = request_ids()
        self._since_logged = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; never lets an error out before the answer has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        request_id, declared, chunked = b"", b"", False
        for name, value in scope["headers"]:
            if name == b"content-length":
                declared = value
            elif name == b"transfer-encoding":
                chunked = True
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                request_id = value
        request_id = request_id or next(self._ids)
        told_id = scope.setdefault("state", {})["request_id"] = request_id.decode()
        if self._insights is not None:
            CURRENT_REQUEST.set(told_id)
        if self._root_path:  # the gateway took it off; links need it, and ASGI wants it in both
            scope["root_path"] = self._root_path
            scope["path"] = self._root_path + scope["path"]
        limit = self._larger.get(scope["path"], self._max_body_bytes)
        status = 0

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        try:
            if declared and (not declared.isdigit() or int(declared) > limit):
                await problem.response(scope, _too_large(limit))(scope, receive, tagged)
            else:
                await self._app(scope, _counted(receive, limit) if chunked or not declared else receive, tagged)
        except problem.Problem as refusal:
            if status:
                raise
            await problem.response(scope, refusal)(scope, receive, tagged)
        except ClientDisconnect:
            status = status or _CLIENT_LEFT
        except Exception:
            _log.exception("unexpected error", extra={"request_id": told_id, "route": _route(scope)})
            if status:  # the answer has begun: cut it, so that the client does not take it for whole
                raise
            await problem.unexpected(scope)(scope, receive, tagged)
        finally:
            self._observe(scope, status, time.perf_counter() - started_s)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.request(method, route, status, seconds)
        if self._insights is not None:
            self._insights.request(method, route, status, seconds, scope["state"]["request_id"])
        self._since_logged += 1
        if status >= 500 or not status or seconds > _SLOW_S or 0 < self._log_every <= self._since_logged:
            self._since_logged = 0
            extra = {
                "request_id": scope["state"]["request_id"],
                "method": method,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 2),
            }
            _log.info("request", extra=extra)


def _too_large(limit: int) -> problem.BodyTooLarge:
    return problem.BodyTooLarge(f"The body may have {limit} bytes. Send fewer texts at a time.")


def _counted(receive: Receive, limit: int) -> Receive:
    """A receive that stops a body without a declared length at the limit."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > limit:
                raise _too_large(limit)
        return message

    return counted


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def _route(scope: Scope) -> str:
    """The template of the route: a path may hold what a stranger typed, and has no place in a label or a log."""
    return getattr(scope.get("route"), "path", "unmatched")
