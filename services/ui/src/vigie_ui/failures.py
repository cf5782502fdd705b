"""Why a call failed, in the page's terms.

Every failure is an `ApiError`, whose `reason` says what the page can tell its reader:

    AWAY         nobody answers, or the answer did not come in time
    NO_MODEL     the API runs but has no model to judge with yet
    UNAVAILABLE  the API cannot take this just now
    BUSY         too many requests
    EMPTY, LONG  the text cannot be judged as it is
    UNREADABLE   the API refuses the text's characters
    REFUSED      the API does not let this page in
    NO_VERSION   the model that was named is not there, or may not judge
    MISSING      what was named is not there
    CONFLICT     things are not in a state that allows this
    UNEXPECTED   anything else
"""

from enum import StrEnum
from typing import Any, Final

import httpx

NO_MODEL_TYPE: Final = "urn:vigie:problem:no-model"
NO_VERSION_TYPES: Final = frozenset({"urn:vigie:problem:no-such-version", "urn:vigie:problem:version-refused"})


class Reason(StrEnum):
    """Why a call failed, in the page's terms."""

    AWAY = "away"
    NO_MODEL = "no_model"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    EMPTY = "empty"
    LONG = "long"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    NO_VERSION = "no_version"
    MISSING = "missing"
    CONFLICT = "conflict"
    UNEXPECTED = "unexpected"


PASSING: Final = frozenset({Reason.AWAY, Reason.NO_MODEL, Reason.UNAVAILABLE, Reason.BUSY})


class ApiError(Exception):
    """A call that failed; `request_id` is what an operator searches for in the logs."""

    def __init__(self, reason: Reason, *, retry_after_s: float | None = None, request_id: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.request_id = request_id

    @property
    def passing(self) -> bool:
        """Whether the same call may well succeed later."""
        return self.reason in PASSING


def error_of(response: httpx.Response) -> ApiError:
    """The failure that an answer other than 2xx tells of."""
    problem = _problem(response)
    return ApiError(
        _reason(response.status_code, problem),
        retry_after_s=_retry_after_s(response.headers.get("retry-after")),
        request_id=str(problem.get("request_id") or response.headers.get("x-request-id") or "") or None,
    )


def _reason(status: int, problem: dict[str, Any]) -> Reason:
    match status:
        case 503 if problem.get("type") == NO_MODEL_TYPE:
            return Reason.NO_MODEL
        case 503:
            # A gateway whose API is down answers 503 too, but not in problem+json.
            return Reason.UNAVAILABLE if problem else Reason.AWAY
        case 502 | 504:
            return Reason.AWAY
        case 429:
            return Reason.BUSY
        case 401 | 403:
            return Reason.REFUSED
        case 404 | 409 if problem.get("type") in NO_VERSION_TYPES:
            return Reason.NO_VERSION
        case 413:
            return Reason.LONG
        case 422 if any(error.get("type") == "string_too_long" for error in _errors(problem)):
            return Reason.LONG
        case 400 | 422:
            return Reason.UNREADABLE
        case 404:
            return Reason.MISSING
        case 409:
            return Reason.CONFLICT
        case _:
            return Reason.UNEXPECTED


def _errors(problem: dict[str, Any]) -> list[dict[str, Any]]:
    errors = problem.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _problem(response: httpx.Response) -> dict[str, Any]:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _retry_after_s(header: str | None) -> float | None:
    # The API sends whole seconds; a date, which the standard allows too, is not worth a parser here.
    return min(float(header), 300.0) if header and header.isdecimal() else None
