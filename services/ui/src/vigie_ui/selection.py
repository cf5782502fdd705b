"""What the visitor of the page Watch looks at, as the address says it. No Streamlit, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self

DEFAULT_PERIOD: Final = "24h"
# The length of each period, and the step of its timeline: what keeps it legible, a day of hours, a month of days.
PERIODS: Final[dict[str, tuple[timedelta, str]]] = {
    "6h": (timedelta(hours=6), "5m"),
    "24h": (timedelta(hours=24), "1h"),
    "7d": (timedelta(days=7), "1h"),
    "30d": (timedelta(days=30), "1d"),
}
LONGEST: Final = "30d"
PERIOD_WORDS: Final = {
    "6h": "veille.period_6h",
    "24h": "veille.period_24h",
    "7d": "veille.period_7d",
    "30d": "veille.period_30d",
}
LANGUAGES: Final = ("fr", "en")
SENTIMENTS: Final = ("negative", "positive")
MOST_CHARS: Final = 64
_STEP: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters. None: everything."""

    topic: str | None = None
    source: str | None = None
    language: str | None = None
    period: str = DEFAULT_PERIOD
    sentiment: str | None = None
    term: str | None = None

    @classmethod
    def read(cls, address: Mapping[str, str]) -> Self:
        """What the address asks for; what makes no sense there asks for nothing."""

        def among(name: str, known: tuple[str, ...]) -> str | None:
            return address[name] if address.get(name) in known else None

        def free(name: str) -> str | None:
            return address.get(name, "").strip()[:MOST_CHARS] or None

        return cls(
            topic=free("topic"),
            source=free("source"),
            language=among("language", LANGUAGES),
            period=among("period", tuple(PERIODS)) or DEFAULT_PERIOD,
            sentiment=among("sentiment", SENTIMENTS),
            term=free("term"),
        )

    def address(self) -> dict[str, str | None]:
        """The parameters of the address, None: to be left out, as what goes without saying is."""
        told: dict[str, str | None] = {name: getattr(self, name) for name in PARAMETERS}
        if self.period == DEFAULT_PERIOD:
            told["period"] = None
        return told

    def but(self, **changes: str | None) -> Self:
        """The same with other filters; another topic, source or language has other words."""
        if changes.keys() & {"topic", "source", "language"}:
            changes = {"term": None, **changes}
        if "period" in changes and changes["period"] is None:
            changes["period"] = DEFAULT_PERIOD
        return replace(self, **changes)  # type: ignore[arg-type]  # the names and kinds are those of the fields

    @property
    def narrowed(self) -> bool:
        """Whether filters hide posts of the topic: nothing is expected of a part."""
        return self.source is not None or self.language is not None

    def since(self, now: datetime) -> datetime:
        """The start of the period, on a step of five minutes, so that one question serves a while."""
        length, _ = PERIODS[self.period]
        return _floor(now) + _STEP - length

    def window(self, now: datetime) -> dict[str, str]:
        """The period and step, as the API asks for them."""
        _, step = PERIODS[self.period]
        return {"since": rfc3339(self.since(now)), "step": step}

    def query(self) -> dict[str, str | None]:
        """The filters that posts and timelines have in common, as the API asks for them."""
        return {"topic": self.topic, "source": self.source, "language": self.language}


PARAMETERS: Final = tuple(field.name for field in fields(Selection))


def _floor(at: datetime) -> datetime:
    seconds = _STEP.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def rfc3339(at: datetime) -> str:
    """A time in UTC, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
