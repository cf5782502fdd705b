"""What connectors count. Labels are names from the settings and a few fixed words."""

from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

Outcome = Literal["accepted", "duplicate", "refused", "malformed"]
Failure = Literal["away", "refuses", "database", "overloaded", "unexpected"]
_OUTCOMES: Final[tuple[Outcome, ...]] = ("accepted", "duplicate", "refused", "malformed")
_FAILURES: Final[tuple[Failure, ...]] = ("away", "refuses", "database", "overloaded", "unexpected")


class ConnectorMetrics:
    """Counters by connector."""

    def __init__(self, registry: CollectorRegistry, names: list[str]) -> None:
        self._posts = Counter(
            "vigie_connector_posts", "Posts read, by what became of them.", ("name", "outcome"), registry=registry
        )
        self._failures = Counter(
            "vigie_connector_failures", "Times that reading stopped, by why.", ("name", "reason"), registry=registry
        )
        self._leads = Gauge(
            "vigie_connector_leads", "1 when this process runs the connector.", ("name",), registry=registry
        )
        for name in names:
            self._leads.labels(name).set(0)
            for outcome in _OUTCOMES:
                self._posts.labels(name, outcome)
            for reason in _FAILURES:
                self._failures.labels(name, reason)

    def read(self, name: str, outcome: Outcome, count: int) -> None:
        """Count posts."""
        if count:
            self._posts.labels(name, outcome).inc(count)

    def failed(self, name: str, reason: Failure) -> None:
        """Count a stop."""
        self._failures.labels(name, reason).inc()

    def leads(self, name: str, *, leads: bool) -> None:
        """Note whether this process runs it."""
        self._leads.labels(name).set(leads)
