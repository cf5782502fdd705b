"""The API as the page sees it: its calls, each of which may raise an `ApiError` (failures.py)."""

import unicodedata
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from vigie_ui.alert_answers import Alert, Alerts
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
from vigie_ui.connector_answers import Connectors
from vigie_ui.episode_answers import Episode, Episodes
from vigie_ui.failures import ApiError, Reason, error_of
from vigie_ui.mention_answers import Mentions
from vigie_ui.review_answers import Patterns, Review
from vigie_ui.topic_answers import Topics, Trends
from vigie_ui.watch_answers import Drift, Moved, Moves, Served

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
MAX_REASON_CHARS: Final = 500
VERSION_TIMEOUT_S: Final = 90.0
"""A version that nobody asked for lately is fetched and loaded before it judges."""
BOARD_TIMEOUT_S: Final = 45.0
"""The API asks MLflow about every version when it is asked for the first time."""
EXPORT_TIMEOUT_S: Final = 60.0
MAX_EXPORT_BYTES: Final = 100_000_000
"""An export passes through this process's memory."""

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

    def review(self, count: int, **filters: str | None) -> Review:
        """What to check next, `count` verdicts at most. Raises ApiError."""
        return self._call(Review, "GET", "/v1/review", query={"limit": str(count), **filters})

    def patterns(self, **filters: str | None) -> Patterns:
        """What the wrong verdicts have in common. Raises ApiError."""
        return self._call(Patterns, "GET", "/v1/review/patterns", query=filters)

    def verdicts_csv(self, **filters: str | None) -> bytes:
        """The verdicts as a file for a spreadsheet. Raises ApiError, LONG when there are too many to carry."""
        query = {"format": "csv", **{name: value for name, value in filters.items() if value}}
        parts: list[bytes] = []
        size = 0
        try:
            with self._http.stream(
                "GET", "/v1/feedback", params=query, headers={"Accept": "text/csv"}, timeout=EXPORT_TIMEOUT_S
            ) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > MAX_EXPORT_BYTES:
                        raise ApiError(Reason.LONG)
        except httpx.HTTPError as error:
            raise ApiError(Reason.AWAY) from error
        return b"".join(parts)

    def alerts(self, count: int, **filters: str | None) -> Alerts:
        """A page of alerts, newest first. Raises ApiError."""
        return self._call(Alerts, "GET", "/v1/alerts", query={"limit": str(count), **filters})

    def alert(self, alert_id: str) -> Alert:
        """One alert with all it rests on. Raises ApiError, MISSING or UNREADABLE when there is no such alert."""
        return self._call(Alert, "GET", f"/v1/alerts/{quote(alert_id, safe='')}")

    def acknowledge(self, alert_id: str, note: str) -> Alert:
        """Say that somebody has the alert in hand; the first one who says so stays. Raises ApiError."""
        body = {"note": note.strip()} if note.strip() else {}
        return self._call(Alert, "POST", f"/v1/alerts/{quote(alert_id, safe='')}/ack", body)

    def served(self) -> Served:
        """What serves now, and the challenger beside it. Raises ApiError."""
        return self._call(Served, "GET", "/v1/model")

    def moves(self, count: int) -> Moves:
        """The latest promotions and rollbacks. Raises ApiError."""
        return self._call(Moves, "GET", "/v1/models/moves", query={"limit": str(count)}, patience_s=BOARD_TIMEOUT_S)

    def drift(self, days: int) -> Drift:
        """How far the last days are from what the model learned from. Raises ApiError."""
        return self._call(Drift, "GET", "/v1/drift", query={"days": str(days)})

    def promote(self, version: str, reason: str) -> Moved:
        """Let a version serve. Raises ApiError, REFUSED without the right `admin`."""
        path = f"/v1/models/{quote(version, safe='')}/promote"
        return self._call(Moved, "POST", path, {"reason": reason}, VERSION_TIMEOUT_S)

    def rollback(self, reason: str) -> Moved:
        """Let the previous version serve again. Raises ApiError, REFUSED without the right `admin`."""
        return self._call(Moved, "POST", "/v1/models/rollback", {"reason": reason}, VERSION_TIMEOUT_S)

    def connectors(self) -> Connectors:
        """Where posts come from as they are posted. Raises ApiError."""
        return self._call(Connectors, "GET", "/v1/connectors")

    def topics(self) -> Topics:
        """How every topic does now, the worst first. Raises ApiError."""
        return self._call(Topics, "GET", "/v1/topics")

    def trends(self, **filters: str | None) -> Trends:
        """A period in steps of time. Raises ApiError."""
        return self._call(Trends, "GET", "/v1/trends", query=filters)

    def mentions(self, count: int, **filters: str | None) -> Mentions:
        """A page of posts, the latest first. Raises ApiError."""
        return self._call(Mentions, "GET", "/v1/mentions", query={"limit": str(count), **filters})

    def episodes(self, count: int, **filters: str | None) -> Episodes:
        """A page of episodes, the latest first. Raises ApiError."""
        return self._call(Episodes, "GET", "/v1/episodes", query={"limit": str(count), **filters})

    def episode(self, episode_id: str) -> Episode:
        """One episode with its posts. Raises ApiError, MISSING or UNREADABLE when there is no such episode."""
        return self._call(Episode, "GET", f"/v1/episodes/{quote(episode_id, safe='')}")

    def change_episode(self, episode_id: str, **changes: str | bool | None) -> Episode:
        """Acknowledge, assign, note or mark as a false alarm; what is not named stays. Raises ApiError."""
        return self._call(Episode, "PATCH", f"/v1/episodes/{quote(episode_id, safe='')}", changes)

    def episode_report(self, episode_id: str, language: str) -> bytes:
        """The report of an episode, a page of HTML that stands alone. Raises ApiError."""
        path = f"/v1/episodes/{quote(episode_id, safe='')}/report"
        try:
            response = self._http.get(
                path, params={"language": language}, headers={"Accept": "text/html"}, timeout=EXPORT_TIMEOUT_S
            )
        except httpx.HTTPError as error:
            raise ApiError(Reason.AWAY) from error
        if not response.is_success:
            raise error_of(response)
        return response.content

    def _call(
        self,
        answer: type[AnswerT],
        method: str,
        path: str,
        body: Mapping[str, str | bool | None] | None = None,
        patience_s: float = 0.0,
        query: Mapping[str, str | None] | None = None,
    ) -> AnswerT:
        patience = httpx.Timeout(max(self._timeout_s, patience_s), connect=min(CONNECT_TIMEOUT_S, self._timeout_s))
        try:
            asked = {name: value for name, value in (query or {}).items() if value}
            response = self._http.request(method, path, json=body, params=asked or None, timeout=patience)
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
        raise error_of(response)


def _check(text: str) -> None:
    if not any(map(_visible, text)):
        raise ApiError(Reason.EMPTY)
    if len(text) > MAX_TEXT_CHARS:
        raise ApiError(Reason.LONG)


def _visible(character: str) -> bool:
    # Cc and Cf: control characters, and those of no width; the API calls a text of nothing else blank.
    return not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf")
