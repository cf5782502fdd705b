"""The use case: count what is new every minute, judge the days once an hour, raise an alert for one that drifted."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Connection, select

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.table import alerts
from vigie_api.champion.serving import Served, Serving
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.drift.days import Day, Days
from vigie_api.drift.profile import Profile
from vigie_api.drift.schema import DayOut, DriftOut, MeasureOut, Thresholds
from vigie_api.drift.verdict import Limits, Measure, measure, worst
from vigie_api.settings import Settings
from vigie_model import Reference, read_reference

_log = logging.getLogger("vigie_api.drift")
_COUNT_EVERY_S = 60.0
_JUDGE_EVERY = timedelta(hours=1)


def utc_now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


def drift_limits(settings: Settings) -> Limits:
    """The limits that an operator has set."""
    return Limits(settings.drift_warning, settings.drift_alert, settings.drift_min_predictions)


class DriftWatch:
    """Knows how the served version's days compare with its reference. Several processes come to one alert a day."""

    def __init__(
        self,
        database: Database,
        serving: Serving,
        book: AlertBook,
        limits: Limits,
        registry: CollectorRegistry,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._days = Days(database)
        self._serving = serving
        self._book = book
        self._limits = limits
        self._clock = clock
        self._read: tuple[Served, Reference | None] | None = None
        self._judged_at: datetime | None = None
        self._gauge = Gauge(
            "vigie_drift", "Today's distance from the reference.", ("model_version", "measure"), registry=registry
        )

    def _reference(self, served: Served) -> Reference | None:
        if self._read is None or self._read[0] is not served:
            manifest = getattr(served.scorer, "manifest", None)
            self._read = served, None if manifest is None else read_reference(manifest.reference)
        return self._read[1]

    def _measures(self, profile: Profile | None, reference: Reference | None) -> list[Measure]:
        return [] if profile is None or reference is None else measure(profile, reference, self._limits)

    async def count(self) -> None:
        """Count what is new, and show today's measures. Raises DatabaseAway."""
        served = self._serving.current
        reference = None if served is None else self._reference(served)
        words = {served.version: reference.words} if served is not None and reference is not None else {}
        now = self._clock()
        await self._days.count(now, words)
        self._gauge.clear()
        if served is None:
            return
        for day in await self._days.read(now.date()):
            for found in self._measures(day.profiles.get(served.version), reference):
                self._gauge.labels(served.version, found.name).set(found.value)

    async def judge(self) -> None:
        """Raise an alert for yesterday and today, where they have drifted. Raises DatabaseAway."""
        served = self._serving.current
        if served is None:
            return
        reference = self._reference(served)
        for day in await self._days.read(self._clock().date() - timedelta(days=1)):
            profile = day.profiles.get(served.version)
            measures = self._measures(profile, reference)
            if profile is not None and worst(measures) == "alert":
                await self._raise(served.version, day, profile, measures)

    async def _raise(self, version: str, day: Day, profile: Profile, measures: list[Measure]) -> None:
        evidence = {
            "day": day.day.isoformat(),
            "predictions": profile.predictions,
            "measures": [
                {"name": found.name, "value": found.value, "threshold": self._limits.alert}
                for found in measures
                if found.state == "alert"
            ],
        }
        key = f"{day.day.isoformat()}/{version}"
        if await self._database.read(_acknowledged, key):
            return  # people know; that the day goes on as it was is no news
        if await self._book.raise_alert("drift", key, evidence, version):
            _log.warning("live traffic has drifted", extra={"day": evidence["day"], "version": version})

    async def tick(self) -> None:
        """Count; and judge when an hour has gone by. Raises DatabaseAway."""
        await self.count()
        now = self._clock()
        if self._judged_at is None or now - self._judged_at >= _JUDGE_EVERY:
            await self.judge()
            self._judged_at = now

    async def run(self) -> None:
        """Tick every minute, for ever; the jitter keeps several processes from counting the same."""
        while True:
            try:
                await self.tick()
            except DatabaseAway:
                _log.debug("the database is away, drift is counted later")
            except Exception:
                _log.exception("drift could not be counted")
            await asyncio.sleep(_COUNT_EVERY_S * random.uniform(0.8, 1.2))

    async def report(self, days: int) -> DriftOut:
        """The last `days` days of what serves now. Raises NoModel and DatabaseAway."""
        served = self._serving.get()
        reference = self._reference(served)
        today = self._clock().date()
        since = today - timedelta(days=days - 1)
        counted = {day.day: day.profiles.get(served.version) for day in await self._days.read(since)}
        return DriftOut(
            model_version=served.version,
            reference=reference is not None,
            thresholds=Thresholds(warning=self._limits.warning, alert=self._limits.alert),
            minimum_predictions=self._limits.predictions,
            days=[
                self._day(since + timedelta(days=step), counted.get(since + timedelta(days=step)), reference)
                for step in range(days)
            ],
        )

    def _day(self, day: date, profile: Profile | None, reference: Reference | None) -> DayOut:
        measures = self._measures(profile, reference)
        return DayOut(
            day=day,
            predictions=0 if profile is None else profile.predictions,
            state=worst(measures),
            measures=[
                MeasureOut(name=found.name, statistic=found.statistic, value=found.value, state=found.state)
                for found in measures
            ],
        )


def _acknowledged(connection: Connection, key: str) -> bool:
    same = (alerts.c.kind == "drift") & (alerts.c.key == key) & alerts.c.acknowledged_at.is_not(None)
    return connection.scalar(select(alerts.c.id).where(same).limit(1)) is not None
