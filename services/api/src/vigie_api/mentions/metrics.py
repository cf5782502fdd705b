"""What Prometheus learns of mentions."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES: Final = ("accepted", "duplicate", "refused", "scored", "set_aside")


class MentionMetrics:
    """Counters by outcome; gauges of what waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        counted = Counter(
            "vigie_mentions",
            "Mentions, by what became of them: accepted, duplicate or refused at the door; scored or set_aside later.",
            ("outcome",),
            registry=registry,
        )
        self._outcomes = {outcome: counted.labels(outcome) for outcome in OUTCOMES}

    def count(self, outcome: str, mentions: int) -> None:
        """Count mentions under one of OUTCOMES."""
        if mentions:
            self._outcomes[outcome].inc(mentions)

    def watch(self, name: str, description: str, value: Callable[[], float]) -> None:
        """A gauge that asks `value` whenever it is scraped."""
        Gauge(name, description, registry=self._registry).set_function(value)
