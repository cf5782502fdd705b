"""Routes that ask for a key before they read anything, and JSON routes that parse once.

FastAPI reads and parses the body before it resolves dependencies, so a dependency that checks the key would let
strangers spend our time. Here the key, the rate and the media type are checked first, in the route itself.

`JsonRoute` replaces FastAPI's request handler for "one JSON body in, one model out": pydantic parses the bytes straight
into the model and writes the answer straight to bytes. FastAPI still reads the signature for the OpenAPI document.
"""

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from vigie_api.access.api_key import Scope
from vigie_api.access.keys import EMBEDDED, Forbidden, Keyring
from vigie_api.access.loopback import is_loopback
from vigie_api.access.rate import RateLimit
from vigie_api.problem import UnsupportedMediaType, invalid

SCHEME = "apiKey"
EXTENSION = "x-required-scope"


def operation_id(route: APIRoute) -> str:
    """The name of the endpoint's function: short, and stable for generated clients."""
    return route.name


Handler = Callable[[Request], Awaitable[Response]]


def needs(scope: Scope, **more: Any) -> dict[str, Any]:
    """The `openapi_extra` of a route that asks for this scope. The check and the document read the same value."""
    return {EXTENSION: scope, "security": [{SCHEME: []}], **more}


class Doorkeeper:
    """Lets a request in: a known key, within its rate, with the scope of the route."""

    def __init__(self, keyring: Keyring, rate: RateLimit) -> None:
        self._keyring = keyring
        self._rate = rate

    def admit(self, request: Request, scope: Scope) -> None:
        """Note the caller's name in `request.state.caller`. Raises Unauthorized, RateLimited or Forbidden."""
        if self._keyring.embedded:
            _refuse_other_sites(request)
            request.scope["state"]["caller"] = EMBEDDED.name
            return
        caller = self._keyring.identify(request.headers.get("authorization"))
        self._rate.take(caller.name, time.monotonic())
        request.scope["state"]["caller"] = caller.name
        if scope not in caller.scopes:
            raise Forbidden(f"This key lacks the scope {scope!r}. Use another key, or add the scope to it.")


def _refuse_other_sites(request: Request) -> None:
    """Raise Forbidden for what a browser sends on behalf of a page from elsewhere.

    Without keys everything on this machine may ask, and that would be every page in its browser as well: one whose
    name is made to resolve to 127.0.0.1 (the header Host says that name), or one that posts here (Origin does).
    """
    known_host = False
    for name, value in request.scope["headers"]:
        if name == b"host":
            known_host = _is_here(value)
        elif name == b"origin" and not _is_here(value.partition(b"://")[2]):
            raise Forbidden("Without keys this API answers no pages of other sites. Configure a key, and send it.")
    if not known_host:
        raise Forbidden(
            "Without keys this API goes by the names 127.0.0.1, [::1] and localhost alone: use one of them."
        )


@lru_cache(maxsize=64)
def _is_here(authority: bytes) -> bool:
    """Whether `host:port` names this machine's loopback."""
    try:
        host = urlsplit(f"//{authority.decode('latin-1')}").hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


class GuardedRoute(APIRoute):
    """A route with a declared scope. One without `openapi_extra=needs(…)` fails when it is declared."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """FastAPI's handler, behind the door."""
        return self._behind_the_door(super().get_route_handler())

    def _behind_the_door(self, inner: Handler) -> Handler:
        scope: Scope = (self.openapi_extra or {})[EXTENSION]
        has_body = self.body_field is not None

        async def handler(request: Request) -> Response:
            doorkeeper: Doorkeeper = request.app.state.doorkeeper
            doorkeeper.admit(request, scope)
            if has_body and not _is_json(request):
                raise UnsupportedMediaType("Send JSON, with the header Content-Type: application/json.")
            return await inner(request)

        return handler


class JsonRoute(GuardedRoute):
    """A guarded route whose endpoint takes `body` (a model) and `request`, and returns a model or a Response."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        handler = self.get_route_handler()

        # Without dependencies FastAPI's exit stacks have nothing to close, and errors are ExceptionMiddleware's.
        async def app(scope: AsgiScope, receive: Receive, send: Send) -> None:
            response = await handler(Request(scope, receive))
            await response(scope, receive, send)

        self.app = app

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Bytes in, bytes out, validated once."""
        if self.body_field is None:
            raise TypeError(f"{self.path} has no body: declare it with GuardedRoute")
        body_type: type[BaseModel] = self.body_field.field_info.annotation  # type: ignore[assignment] # a model by contract
        endpoint = self.endpoint
        status = self.status_code or 200

        async def handler(request: Request) -> Response:
            raw = await request.body()
            try:
                body = body_type.__pydantic_validator__.validate_json(raw)
            except ValidationError as error:
                raise invalid(error.errors(include_url=False, include_input=False)) from None
            answer = await endpoint(body=body, request=request)
            return answer if isinstance(answer, Response) else as_json(answer, status)

        return self._behind_the_door(handler)


def as_json(answer: BaseModel, status: int = 200) -> Response:
    """A model as the answer."""
    return Response(answer.__pydantic_serializer__.to_json(answer), status_code=status, media_type="application/json")
