"""What Prometheus learns of the challenger. Series of a version that is no challenger any more are dropped."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

DROPS = ("queue-full", "database-away", "refused", "shutdown")
_BUCKETS_S = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


class ShadowMetrics:
    """Counters of the shadow, with at most two versions in their labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._info = Gauge(
            "vigie_challenger_info", "1 for the challenger that is loaded.", ("version", "recipe"), registry=registry
        )
        self._scored = Counter(
            "vigie_shadow_scored",
            "Predictions that the challenger judged too.",
            ("model_version", "agrees"),
            registry=registry,
        )
        self._shift = Gauge(
            "vigie_shadow_score_shift",
            "Mean score of the challenger less the champion's.",
            ("model_version",),
            registry=registry,
        )
        self._seconds = Histogram(
            "vigie_shadow_seconds",
            "Time to judge one text, measured side by side in the shadow's thread.",
            ("model_version", "role"),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._failures = Counter(
            "vigie_shadow_failures", "Challenger look-ups, loads and scores that failed.", registry=registry
        )
        self._dropped = Counter(
            "vigie_shadow_dropped", "Sampled predictions that left no opinion behind.", ("reason",), registry=registry
        )
        for reason in DROPS:
            self._dropped.labels(reason)

    def loaded(self, version: str, recipe: str) -> None:
        """Another challenger is loaded."""
        self.unloaded()
        self._info.labels(version, recipe).set(1)

    def unloaded(self) -> None:
        """There is no challenger."""
        for labelled in (self._info, self._scored, self._shift, self._seconds):
            labelled.clear()

    def scored(self, version: str, agrees: bool, mean_shift: float) -> None:
        """The challenger judged a text."""
        self._scored.labels(version, "yes" if agrees else "no").inc()
        self._shift.labels(version).set(mean_shift)

    def took(self, version: str, role: str, seconds: float) -> None:
        """Judging one text took so long; `role` is champion or challenger."""
        self._seconds.labels(version, role).observe(seconds)

    def failed(self, times: int = 1) -> None:
        """A look-up, a load or so many scores failed."""
        self._failures.inc(times)

    def dropped(self, reason: str, count: int = 1) -> None:
        """Sampled predictions were let go; `reason` is one of DROPS."""
        self._dropped.labels(reason).inc(count)
