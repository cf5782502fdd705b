"""Routes of other protocols: their own bodies, and a key that clients without headers of their own can send."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from fastapi import Request

from vigie_api.access.route import GuardedRoute
from vigie_api.problem import UnsupportedMediaType


class ProtocolRoute(GuardedRoute):
    """A guarded route whose endpoint reads the body itself.

    MLflow's client cannot set a header, but `requests` under it sends the password of ~/.netrc with the scheme Basic:
    here a key may come that way, too. Nowhere else, because a browser remembers such a password and sends it unasked.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The guarded handler, which is told of a key in either scheme."""
        guarded = super().get_route_handler()

        async def handler(request: Request) -> Any:
            password = _password(request.headers.get("authorization", ""))
            if password is not None:
                headers = [header for header in request.scope["headers"] if header[0] != b"authorization"]
                headers.append((b"authorization", b"Bearer " + password))
                request = Request({**request.scope, "headers": headers}, request.receive)
            return await guarded(request)

        return handler


def _password(authorization: str) -> bytes | None:
    """The password of HTTP's Basic scheme (RFC 7617), or None."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if colon else None


def media_type(request: Request) -> tuple[str, dict[str, str]]:
    """The media type of the body in lower case, and its parameters. Empty when the client does not say."""
    kind, *rest = request.headers.get("content-type", "").split(";")
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"').lower()
    return kind.strip().lower(), parameters


def refuse_packed(request: Request) -> None:
    """Raise UnsupportedMediaType for a body that would have to be unpacked: a small one can unpack to anything."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is: nothing that comes packed is unpacked here.")
