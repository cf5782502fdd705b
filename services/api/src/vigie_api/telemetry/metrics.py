"""Prometheus metrics. Each application has its own registry, so that two in one process do not meet."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from vigie_api import __version__
from vigie_api.telemetry.events import AlertRaised, Event, FeedbackReceived, ModelSwapped, RefreshFailed

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counters of the service, and the sink that turns events into counts.

    Children of labelled metrics are kept here: looking them up by label costs more than counting.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "vigie_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "vigie_request_seconds", "Time to answer.", ("route",), buckets=_LATENCY_BUCKETS_S, registry=self.registry
        )
        self._predictions = Counter(
            "vigie_predictions",
            "Predictions, by sentiment and by the version that served them.",
            ("sentiment", "model_version"),
            registry=self.registry,
        )
        self.batch_texts = Histogram(
            "vigie_batch_texts",
            "Single requests that a heavy model judged together, by batch.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self._feedback = Counter(
            "vigie_feedback", "Verdicts made durable, and where.", ("verdict", "where"), registry=self.registry
        )
        self.write_drops = Counter(
            "vigie_write_behind_dropped", "Predictions that were never written.", ("reason",), registry=self.registry
        )
        self._refresh_failures = Counter(
            "vigie_model_refresh_failures", "Champion look-ups or loads that failed.", registry=self.registry
        )
        self._swaps = Counter("vigie_model_swaps", "Times another version began to serve.", registry=self.registry)
        self._model = Gauge(
            "vigie_model_info", "1 for the served version.", ("version", "recipe"), registry=self.registry
        )
        self._alerts = Counter("vigie_alerts_raised", "Alerts opened.", ("kind",), registry=self.registry)
        self.alerts_open = Gauge(
            "vigie_alerts_open", "Alerts nobody has acknowledged.", ("kind",), registry=self.registry
        )
        self.outbox_depth = Gauge("vigie_outbox_depth", "Alert e-mails waiting to be sent.", registry=self.registry)
        self.outbox_age = Gauge(
            "vigie_outbox_oldest_age_seconds", "How long the oldest of them has waited.", registry=self.registry
        )
        self.outbox_failed = Gauge("vigie_outbox_failed", "Alert e-mails given up this week.", registry=self.registry)
        self._call_seconds = Histogram(
            "vigie_call_seconds",
            "Time of the calls to what the service depends on: SQL, HTTP (MLflow), SMTP.",
            ("kind",),
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._call_failures = Counter("vigie_call_failures", "Those that failed.", ("kind",), registry=self.registry)
        for kind in ("SQL", "HTTP", "SMTP"):
            self._call_seconds.labels(kind)
            self._call_failures.labels(kind)
        self._telemetry_drops = Counter(
            "vigie_telemetry_dropped",
            "Items that never reached Application Insights.",
            ("reason",),
            registry=self.registry,
        )
        for reason in ("queue-full", "refused", "failed", "shutdown"):
            self._telemetry_drops.labels(reason)
        Gauge("vigie_build_info", "1 for what runs.", ("version",), registry=self.registry).labels(__version__).set(1)
        self._request_children: dict[tuple[str, str, int], Callable[[], None]] = {}
        self._second_children: dict[str, Callable[[float], None]] = {}
        self._prediction_children: dict[tuple[str, str], Callable[..., None]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the template, never the path."""
        key = (method, route, status)
        count = self._request_children.get(key)
        if count is None:
            count = self._request_children[key] = self._requests.labels(method, route, str(status)).inc
        count()
        observe = self._second_children.get(route)
        if observe is None:
            observe = self._second_children[route] = self._seconds.labels(route).observe
        observe(seconds)

    def predicted(self, sentiment: str, served_version: str, count: int = 1) -> None:
        """Count predictions under the version that made them."""
        key = (sentiment, served_version)
        inc = self._prediction_children.get(key)
        if inc is None:
            inc = self._prediction_children[key] = self._predictions.labels(sentiment, served_version).inc
        inc(count)

    def called(self, kind: str, seconds: float, *, success: bool) -> None:
        """Count a call to the database, the registry or the mail server."""
        self._call_seconds.labels(kind).observe(seconds)
        if not success:
            self._call_failures.labels(kind).inc()

    def telemetry_dropped(self, reason: str, count: int) -> None:
        """Count what was not delivered to Application Insights."""
        self._telemetry_drops.labels(reason).inc(count)

    def watch(self, name: str, description: str, value: Callable[[], float]) -> None:
        """A gauge that asks `value` whenever it is scraped."""
        Gauge(name, description, registry=self.registry).set_function(value)

    def emit(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, FeedbackReceived):
            self._feedback.labels(event.verdict, event.where).inc()
        elif isinstance(event, RefreshFailed):
            self._refresh_failures.inc()
        elif isinstance(event, AlertRaised):
            self._alerts.labels(event.kind).inc()
        elif isinstance(event, ModelSwapped):
            self._swaps.inc()
            self._model.clear()
            self._model.labels(event.version, event.recipe).set(1)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)


def age_s(since_s: float | None) -> float:
    """Seconds since a time.time() stamp; NaN when there is none."""
    return float("nan") if since_s is None else max(0.0, time.time() - since_s)
