"""The Application Insights sink: turns what happens into items, and hands them to the courier."""

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Literal

from vigie_api.telemetry.appinsights.connection import Connection
from vigie_api.telemetry.appinsights.courier import Courier, Exporter
from vigie_api.telemetry.appinsights.items import (
    CustomEvent,
    Dependency,
    Failure,
    Frame,
    Item,
    Request,
    current_operation,
    operation,
)
from vigie_api.telemetry.appinsights.measures import Measures
from vigie_api.telemetry.appinsights.sampling import Sampler
from vigie_api.telemetry.events import AlertRaised, AliasMoved, Event, FeedbackReceived, ModelSwapped
from vigie_api.telemetry.metrics import Metrics

ROLE = "vigie-api"
ExporterName = Literal["opencensus", "opentelemetry"]

_log = logging.getLogger("vigie_api.telemetry.appinsights")
_SLOW_S = 1.0
_MAX_VALUE_CHARS = 8_192  # the service cuts there
_MAX_FRAMES = 30
_MEASURE_EVERY_S = 60.0
_CALLS_EVERY = 60  # the background asks the database twice a second: a minute's calls are told by one
_TIMEOUT_S = 10.0
_CLOSE_S = 3.0
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})  # asked by machines, all day long
# Their exceptions are ours to know: what nobody expected is logged by the first two, the third is asyncio's.
_WATCHED = ("vigie_api", "uvicorn.error", "asyncio")
_SENT = {
    FeedbackReceived: (
        *("feedback_id", "prediction_id", "verdict", "text", "sentiment", "correction", "model_version"),
        *("given_by", "where"),
    ),
    AlertRaised: (
        *("alert_id", "kind", "model_version", "count", "window_s"),
        *("topic", "episode_id", "severity", "negatives", "expected"),
        *("day", "measure", "value", "threshold"),
    ),
    ModelSwapped: ("version", "recipe", "source", "previous"),
    AliasMoved: ("action", "version", "previous", "by"),
}


class ApplicationInsights:
    """Sends events, requests, dependencies, exceptions and metrics. Nothing is imported or started before `open`.

    Every method may be called from any thread, never blocks on the network and never raises.
    """

    def __init__(
        self,
        connection: Connection,
        exporter: ExporterName,
        metrics: Metrics,
        *,
        sample_s: float = 1.0,
        with_text: bool = True,
    ) -> None:
        self._connection = connection
        self._with_text = with_text
        self._exporter: ExporterName = exporter
        self._metrics = metrics
        self._requests = Sampler(sample_s)
        self._calls = Sampler(sample_s * _CALLS_EVERY)
        self._courier: Courier | None = None
        self._listener: _ExceptionListener | None = None
        self._measuring = threading.Event()

    def open(self) -> None:
        """Import the library and begin to send. Blocks for as long as the import takes: call it in a thread.

        A library that cannot be used is logged, and nothing is sent: the service works without.
        """
        try:
            exporter = _exporter(self._exporter, self._connection)
        except Exception:
            _log.exception("Application Insights cannot be used", extra={"exporter": self._exporter})
            return
        self._courier = Courier(exporter, self._metrics.telemetry_dropped)
        self._courier.start()
        self._listener = _ExceptionListener(self._put)
        for name in _WATCHED:
            logging.getLogger(name).addHandler(self._listener)
        self._measuring.clear()
        threading.Thread(target=self._measure, name="appinsights-measures", daemon=True).start()
        _log.info("telemetry goes to Application Insights", extra={"exporter": self._exporter})

    def close(self) -> None:
        """Send what waits, for a few seconds at most. Blocks: call it in a thread. Safe to call twice."""
        self._measuring.set()
        courier, self._courier = self._courier, None
        if self._listener is not None:
            for name in _WATCHED:
                logging.getLogger(name).removeHandler(self._listener)
            self._listener = None
        if courier is not None:
            courier.close(_CLOSE_S)

    @property
    def depth(self) -> int:
        """Items that wait."""
        return 0 if self._courier is None else self._courier.depth

    def _put(self, item: Item) -> None:
        if self._courier is not None:
            self._courier.put(item)

    def emit(self, event: Event) -> None:
        """Send an event that has a place in customEvents."""
        names = _SENT.get(type(event))
        if names is None:
            return
        values = ((name, getattr(event, name)) for name in names if name != "text" or self._with_text)
        properties = {name: str(value)[:_MAX_VALUE_CHARS] for name, value in values if value is not None}
        self._put(CustomEvent(time.time(), current_operation(), type(event).__name__, properties))

    def request(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """A request was answered. Called for each.

        One of a kind a second is sent, one of a probe a minute, failures and slow ones always.
        """
        always = status >= 500 or not status or seconds > _SLOW_S
        sampler = self._calls if route in _PROBES else self._requests
        count = sampler.take((method, route, status), monotonic(), always)
        if count:
            at_s = time.time() - seconds
            self._put(Request(at_s, operation(request_id), method, route, status, seconds, count, request_id))

    def called(self, kind: str, target: str, name: str, seconds: float, *, success: bool) -> None:
        """A call to a database, a registry or a mail server ended."""
        always = not success or seconds > _SLOW_S
        count = self._calls.take((kind, target, name, success), monotonic(), always)
        if count:
            at_s, span = time.time() - seconds, os.urandom(8).hex()
            self._put(Dependency(at_s, current_operation(), span, kind, target, name, seconds, success, count))

    def _measure(self) -> None:
        measures = Measures(self._metrics.registry)
        while not self._measuring.wait(_MEASURE_EVERY_S):
            with suppress(Exception):  # a gauge that cannot be read now can be at the next turn
                for measure in measures.take(time.time()):
                    self._put(measure)


class _ExceptionListener(logging.Handler):
    """Hears what is logged with an exception. Says its type and its frames, and not a word of either message."""

    def __init__(self, put: Callable[[Item], None]) -> None:
        super().__init__(logging.WARNING)
        self._put = put

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is None or record.exc_info[1] is None or record.name.startswith(_log.name):
            return
        error = record.exc_info[1]
        found = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
        frames = tuple(Frame(frame.filename, frame.lineno or 0, frame.name) for frame in found)
        properties = {"logger": record.name}
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            properties["cause"] = _kind(cause)
        self._put(Failure(record.created, current_operation(), _kind(error), frames, properties))


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _exporter(name: ExporterName, connection: Connection) -> Exporter:
    if name == "opentelemetry":
        from vigie_api.telemetry.appinsights.opentelemetry_exporter import OpenTelemetryExporter

        return OpenTelemetryExporter(connection, ROLE, _TIMEOUT_S)
    from vigie_api.telemetry.appinsights.opencensus_exporter import OpencensusExporter

    return OpencensusExporter(connection, ROLE, _TIMEOUT_S)
