"""What the server itself refuses, before the application is asked, in the one shape of errors."""

from typing import Any, Final

from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from vigie_api import problem

_CLOSE: Final = {"Connection": "close"}


class MalformedHttp(problem.Problem):
    """What came is no HTTP."""

    slug = "malformed-http"
    title = "Malformed HTTP"


class TooManyConnections(problem.Problem):
    """As many connections are served as may."""

    status = 503
    slug = "too-many-connections"
    title = "Too many connections"
    retry_after_s = 1


async def _too_many(scope: Any, receive: Any, send: Any) -> None:
    refusal = TooManyConnections("As many connections are open as may be. Try again in a second.", headers=_CLOSE)
    await problem.response(scope, refusal)(scope, receive, send)


class RefusingProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, whose own refusals are problem+json."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; `msg` is the server's own word for it."""
        refusal = problem.response({"path": ""}, MalformedHttp(f"{msg} Send HTTP/1.1.", headers=_CLOSE))
        head = [*self.server_state.default_headers, *refusal.raw_headers]
        lines = b"".join(b"%b: %b\r\n" % (name, value) for name, value in head)
        self.transport.write(b"".join((STATUS_LINE[400], lines, b"\r\n", bytes(refusal.body))))
        self.transport.close()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        super()._start_asgi_task(cycle, _too_many if app is service_unavailable else app)
