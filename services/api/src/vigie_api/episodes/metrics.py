"""What Prometheus learns of the watch. No topic is a label: there may be a thousand."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from vigie_api.episodes.watcher import Done

FATES: Final = ("counted", "copy", "too_late", "unwatched")


class WatchMetrics:
    """Counters of mentions by fate and of failed steps; gauges of what is watched by the process that leads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        posts = Counter(
            "vigie_watch_mentions",
            "Mentions that came to the watch: counted, copy, too_late (counted, but older than what the detector can "
            "still learn in order), unwatched (of more topics than are watched).",
            ("fate",),
            registry=registry,
        )
        self._fates = {fate: posts.labels(fate) for fate in FATES}
        self._failures = Counter("vigie_watch_failures", "Steps of the watch that failed.", registry=registry)
        self._leads = Gauge("vigie_watch_leads", "1 in the process that leads the watch.", registry=registry)
        self._topics = Gauge("vigie_watch_topics", "Topics that are watched here.", registry=registry)
        self._open = Gauge("vigie_episodes_open", "Open episodes, as the leader knows them.", registry=registry)
        self._opened = Counter("vigie_episodes_opened", "Episodes opened.", registry=registry)

    def failed(self) -> None:
        """A step failed."""
        self._failures.inc()

    def show(self, done: Done | None, *, leads: bool) -> None:
        """A step was taken, or (None) there was nothing to do."""
        self._leads.set(leads)
        if not leads:
            self._topics.set(0)
            self._open.set(0)
        if done is None:
            return
        for fate, number in zip(
            FATES, (done.counted - done.too_late, done.copies, done.too_late, done.unwatched), strict=True
        ):
            self._fates[fate].inc(number)
        self._opened.inc(done.opened)
        self._topics.set(done.topics)
        self._open.set(done.open_episodes)
