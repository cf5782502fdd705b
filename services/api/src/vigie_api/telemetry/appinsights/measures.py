"""The custom metrics: a few numbers of the Prometheus registry, once a minute, as Application Insights wants them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry

from vigie_api.telemetry.appinsights.items import Measure

# Prometheus' name -> ours. Counters are sent as what was added since the last time, by their labels.
_COUNTERS = {
    "vigie_predictions_total": "vigie.predictions",
    "vigie_requests_total": "vigie.requests",
    "vigie_feedback_total": "vigie.feedback",
    "vigie_write_behind_dropped_total": "vigie.write_behind.dropped",
    "vigie_telemetry_dropped_total": "vigie.telemetry.dropped",
    "vigie_model_refresh_failures_total": "vigie.model.refresh_failures",
}
_GAUGES = {
    "vigie_write_behind_depth": "vigie.write_behind.depth",
    "vigie_spool_depth": "vigie.spool.depth",
    "vigie_telemetry_depth": "vigie.telemetry.depth",
    "vigie_model_age_seconds": "vigie.model.age_s",
    "vigie_model_checked_age_seconds": "vigie.model.checked_age_s",
    "vigie_model_info": "vigie.model.served",
    "vigie_alerts_open": "vigie.alerts.open",
    "vigie_outbox_depth": "vigie.outbox.depth",
    "vigie_drift": "vigie.drift",
    "vigie_mentions_waiting": "vigie.mentions.waiting",
    "vigie_mentions_lag_seconds": "vigie.mentions.lag_s",
    "vigie_watch_leads": "vigie.watch.leads",
}
_LATENCY = "vigie_request_seconds_bucket"
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Measures:
    """Remembers the counters between two looks. What did not move is not sent; gauges always are."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def take(self, now_s: float) -> list[Measure]:
        """The measures of the time since the last call (or since the start)."""
        return list(self._take(now_s))

    def _take(self, now_s: float) -> Iterator[Measure]:
        buckets: defaultdict[float, float] = defaultdict(float)
        for family in self._registry.collect():
            for sample in family.samples:
                if sample.name in _GAUGES:
                    if sample.value == sample.value:  # an age without a beginning is not a number
                        yield Measure(now_s, _GAUGES[sample.name], sample.value, sample.labels)
                elif sample.name in _COUNTERS:
                    added = self._added(sample.name, sample.labels, sample.value)
                    if added:
                        yield Measure(now_s, _COUNTERS[sample.name], added, sample.labels)
                elif sample.name == _LATENCY:
                    bound = float(sample.labels["le"])
                    buckets[bound] += self._added(sample.name, sample.labels, sample.value)
        for name, share in _QUANTILES.items():
            seconds = quantile(buckets, share)
            if seconds is not None:
                yield Measure(now_s, f"vigie.request.{name}_ms", seconds * 1000, {})

    def _added(self, name: str, labels: Mapping[str, str], value: float) -> float:
        key = (name, tuple(sorted(labels.items())))
        before = self._before.get(key, 0.0)
        self._before[key] = value
        return value - before


def quantile(cumulative: Mapping[float, float], share: float) -> float | None:
    """The value below which `share` of the observations lie; None without any.

    `cumulative` counts the observations up to each bound. Linear within a bucket, as Prometheus' histogram_quantile:
    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
    """
    bounds = sorted(cumulative)
    if not bounds or not cumulative[bounds[-1]]:
        return None
    rank = share * cumulative[bounds[-1]]
    lower, below = 0.0, 0.0
    for bound in bounds:
        if cumulative[bound] >= rank:
            inside = cumulative[bound] - below
            if bound == float("inf") or not inside:
                return lower
            return lower + (bound - lower) * (rank - below) / inside
        lower, below = bound, cumulative[bound]
    return lower
