"""The API as the page sees it: a few calls, and one typed error.

Every failure is an `ApiError`, whose `reason` says what the page can tell its reader:

    AWAY         nobody answers, or the answer did not come in time
    NO_MODEL     the API runs but has no model to judge with yet
    UNAVAILABLE  the API cannot take this just now
    BUSY         too many requests
    EMPTY, LONG  the text cannot be judged as it is
    UNREADABLE   the API refuses the text's characters
    REFUSED      the API does not let this page in
    NO_VERSION   the model that was named is not there, or may not judge
    UNEXPECTED   anything else
"""

import unicodedata
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
from pydantic import ValidationError

from vigie_ui.answers import (
    Answer,
    Board,
    Explanation,
    Feedback,
    ModelName,
    ModelVersion,
    Prediction,
    Receipt,
    Sentiment,
    Verdict,
)

# Who calls the API needs what it answers.
__all__ = [
    "ApiError",
    "Explanation",
    "Feedback",
    "ModelName",
    "ModelVersion",
    "Prediction",
    "Reason",
    "Receipt",
    "Sentiment",
    "Verdict",
    "VigieClient",
]

CONNECT_TIMEOUT_S: Final = 3.0
MAX_TEXT_CHARS: Final = 10_000
MAX_COMMENT_CHARS: Final = 1_000
NO_MODEL_TYPE: Final = "urn:vigie:problem:no-model"
NO_VERSION_TYPES: Final = frozenset({"urn:vigie:problem:no-such-version", "urn:vigie:problem:version-refused"})
VERSION_TIMEOUT_S: Final = 90.0
"""A version that nobody asked for lately is fetched and loaded before it judges."""
BOARD_TIMEOUT_S: Final = 45.0
"""The API asks MLflow about every version when it is asked for the first time."""


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


AnswerT = TypeVar("AnswerT", bound=Answer)


class VigieClient:
    """Speaks to one API. Safe to share between threads; close it, or use it as a context manager."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 15.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Accept": "application/json", "User-Agent": "vigie-ui"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._timeout_s = timeout_s
        self._http = httpx.Client(
            base_url=base_url,
            headers=headers,
            transport=transport,
            # The API is a neighbour: a proxy meant for the outside world would only get between the two.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calling it again does nothing."""
        self._http.close()

    def predict(self, text: str) -> Prediction:
        """The champion's verdict on `text`. Raises ApiError."""
        _check(text)
        return self._call(Prediction, "POST", "/v1/predict", {"text": text})

    def explain(self, text: str, version: str) -> Explanation:
        """What `version` thinks of `text`, and why. Raises ApiError."""
        _check(text)
        return self._call(
            Explanation, "POST", "/v1/explain", {"text": text, "model_version": version}, VERSION_TIMEOUT_S
        )

    def models(self) -> tuple[ModelVersion, ...]:
        """The versions there are, newest first. Raises ApiError."""
        return self._call(Board, "GET", "/v1/models", patience_s=BOARD_TIMEOUT_S).models

    def send_feedback(self, feedback: Feedback) -> Receipt:
        """Record a judgement; it is durable when this returns. Raises ApiError."""
        return self._call(Receipt, "POST", "/v1/feedback", feedback.body())

    def _call(
        self,
        answer: type[AnswerT],
        method: str,
        path: str,
        body: dict[str, str] | None = None,
        patience_s: float = 0.0,
    ) -> AnswerT:
        patience = httpx.Timeout(max(self._timeout_s, patience_s), connect=min(CONNECT_TIMEOUT_S, self._timeout_s))
        try:
            response = self._http.request(method, path, json=body, timeout=patience)
        except UnicodeEncodeError as error:
            # Half an emoji: no UTF-8, so no JSON either.
            raise ApiError(Reason.UNREADABLE) from error
        except httpx.HTTPError as error:
            raise ApiError(Reason.AWAY) from error
        if response.is_success:
            try:
                return answer.model_validate_json(response.content)
            except ValidationError as error:
                raise ApiError(Reason.UNEXPECTED, request_id=response.headers.get("x-request-id")) from error
        raise _error_of(response)


def _check(text: str) -> None:
    if not any(map(_visible, text)):
        raise ApiError(Reason.EMPTY)
    if len(text) > MAX_TEXT_CHARS:
        raise ApiError(Reason.LONG)


def _error_of(response: httpx.Response) -> ApiError:
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
        case _:
            return Reason.UNEXPECTED


def _errors(problem: dict[str, Any]) -> list[dict[str, Any]]:
    errors = problem.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _visible(character: str) -> bool:
    # Cc and Cf: control characters, and those of no width; the API calls a text of nothing else blank.
    return not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf")


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
