"""One error shape for everything: RFC 9457 problem+json, made in this file and nowhere else.

    Problem                 what a use case raises on purpose; subclasses live beside the code that raises them
    ├── InvalidRequest      422 (or 400 when the JSON itself is broken), with `errors`
    └── …                   NoModel, DatabaseAway, RateLimited, Forbidden, …

`install` makes one handler answer for these, for Starlette's own 404 and 405, and for validation errors. What nobody
expected is answered by the edge middleware with `unexpected`, which says nothing of the inside.
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails, to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from vigie_api.protocols import dialects

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
_MAX_PLACE_CHARS = 64


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """A refusal with a reason. `detail` says what to do; it never carries the text of a tweet."""

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "bad-request"
    title: ClassVar[str] = "Bad request"
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        if self.retry_after_s is not None:
            self.headers.setdefault("Retry-After", str(self.retry_after_s))


class MalformedJson(Problem):
    """The body is no JSON: broken syntax, invalid UTF-8, a lone surrogate, or nesting too deep."""

    slug = "malformed-json"
    title = "Malformed JSON"


class UnsupportedMediaType(Problem):
    """The body is not announced as JSON."""

    status = 415
    slug = "unsupported-media-type"
    title = "Unsupported media type"


class BodyTooLarge(Problem):
    """The body is over the limit; nothing of it was parsed."""

    status = 413
    slug = "body-too-large"
    title = "Body too large"


class InvalidRequest(Problem):
    """The JSON parses but does not say what the route needs."""

    status = 422
    slug = "invalid-request"
    title = "Invalid request"

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        first = errors[0]
        super().__init__(f"{'.'.join(map(str, first['loc']))}: {first['message']}")
        self.errors = errors


def invalid(errors: Iterable[ErrorDetails | Mapping[str, Any]], root: str = "body") -> Problem:
    """The problem that pydantic's errors amount to. Keeps where and why, never the input itself."""
    kept = []
    for error in errors:
        if error["type"] == "json_invalid":
            reason = str(error.get("ctx", {}).get("error", "no JSON"))
            return MalformedJson(f"The body is not valid JSON: {reason}. Send a JSON object in UTF-8.")
        place = [part[:_MAX_PLACE_CHARS] if isinstance(part, str) else part for part in error["loc"]]
        message = str(error["msg"]).removeprefix("Value error, ")
        kept.append({"loc": [root, *place] if root else place, "message": message, "type": error["type"]})
        if len(kept) == MOST_ERRORS:
            break
    return InvalidRequest(kept)


def refuse_text(place: Sequence[str | int], message: str, kind: str) -> InvalidRequest:
    """The problem of one value that breaks a configured limit."""
    return InvalidRequest([{"loc": ["body", *place], "message": message, "type": kind}])


def document(
    scope: Scope, *, status: int, slug: str, title: str, detail: str, errors: Sequence[Mapping[str, Any]] | None = None
) -> bytes:
    """The problem+json body for this request."""
    content: dict[str, Any] = {
        "type": f"urn:vigie:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": scope["path"],
        "request_id": scope.get("state", {}).get("request_id", ""),
    }
    if errors is not None:
        content["errors"] = errors
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return to_json(content | dialects.members(path, status, detail))


def response(scope: Scope, problem: Problem) -> Response:
    """The answer that says this problem."""
    body = document(
        scope,
        status=problem.status,
        slug=problem.slug,
        title=problem.title,
        detail=problem.detail,
        errors=getattr(problem, "errors", None),
    )
    return Response(body, status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def unexpected(scope: Scope) -> Response:
    """The answer to what nobody expected: says nothing of the inside."""
    body = document(
        scope,
        status=500,
        slug="internal-error",
        title="Internal server error",
        detail="Something went wrong on our side. Try again; if it persists, report the request_id.",
    )
    return Response(body, status_code=500, media_type=MEDIA_TYPE)


_SLUGS = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}
_DETAILS = {
    404: "No such address here. GET /openapi.json lists what there is.",
    405: "This address exists, but not with this method: see the header Allow.",
}


def _allowed(request: Request) -> str:
    """Every method of the address: Starlette names those of the first route only."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.methods and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods
    return ", ".join(sorted(methods))


async def handle(request: Request, error: Exception) -> Response:
    """The one handler: whatever was raised becomes problem+json."""
    if isinstance(error, Problem):
        return response(request.scope, error)
    if isinstance(error, RequestValidationError):
        return response(request.scope, invalid(error.errors(), root=""))
    if not isinstance(error, HTTPException):
        return unexpected(request.scope)
    status = error.status_code
    phrase = HTTPStatus(status).phrase
    body = document(
        request.scope,
        status=status,
        slug=_SLUGS.get(status, "http-error"),
        title=phrase,
        detail=_DETAILS.get(status, phrase),
    )
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request)
    return Response(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let `handle` answer for every error that reaches the application."""
    for kind in (Problem, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)
