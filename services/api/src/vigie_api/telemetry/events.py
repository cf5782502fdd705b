"""The telemetry port: rare things that happened, told to every sink after they are durable.

Requests and predictions are counted directly on `Metrics`: at thousands a second an event object each is dear.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

_log = logging.getLogger("vigie_api.events")


@dataclass(frozen=True, slots=True)
class ModelSwapped:
    """Another version serves now. `source` is registry or cache."""

    version: str
    recipe: str
    source: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class RefreshFailed:
    """The champion could not be looked up or loaded; what served goes on serving."""

    reason: str
    serving: str | None


@dataclass(frozen=True, slots=True)
class FeedbackReceived:
    """A verdict is durable: `where` is database or spool, `sentiment` what was predicted, `given_by` a key's name.

    `text` is for Application Insights alone: every other sink leaves it out.
    """

    feedback_id: str
    prediction_id: str
    verdict: str
    model_version: str | None
    where: str
    text: str | None = field(default=None, repr=False)
    sentiment: str | None = None
    correction: str | None = None
    given_by: str | None = None


@dataclass(frozen=True, slots=True)
class AliasMoved:
    """The champion alias names another version in the registry."""

    action: str
    version: str
    previous: str | None
    by: str


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """An alert was opened and is durable. `count` is what it holds by now; `window_s` is a misprediction's.

    A surge says its topic and how many negative posts there were where so many are usual. Drift says the measure that
    is furthest from the reference, its value, the limit that it passed, and the day.
    """

    alert_id: str
    kind: str
    model_version: str | None
    count: int
    window_s: float | None
    topic: str | None = None
    episode_id: str | None = None
    severity: str | None = None
    negatives: int | None = None
    expected: float | None = None
    day: str | None = None
    measure: str | None = None
    value: float | None = None
    threshold: float | None = None


Event = AlertRaised | ModelSwapped | RefreshFailed | FeedbackReceived | AliasMoved


class Sink(Protocol):
    """Takes events. May raise: `Telemetry` keeps that from the request."""

    def emit(self, event: Event) -> None:
        """Take one event."""
        ...


class LogSink:
    """Writes each event as one log line, without the text of a tweet."""

    def emit(self, event: Event) -> None:
        """Log the event's fields."""
        # A look-up fails again at every poll; the refresher warns once, when the reason changes.
        level = logging.DEBUG if isinstance(event, RefreshFailed) else logging.INFO
        said = asdict(event)
        said.pop("text", None)
        _log.log(level, type(event).__name__, extra=said)


class Telemetry:
    """Tells every sink; one that raises is logged and the others still hear."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    def emit(self, event: Event) -> None:
        """Never raises."""
        for sink in self._sinks:
            try:
                sink.emit(event)
            except Exception:
                _log.exception("a telemetry sink failed", extra={"sink": type(sink).__name__})
