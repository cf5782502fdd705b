"""Which past episodes the visitor looks at. No Streamlit, no clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from vigie_ui.selection import rfc3339

ANY: Final = "any"
PERIODS: Final = {
    ANY: ("past.period_all", None),
    "30d": ("past.period_30d", timedelta(days=30)),
    "90d": ("past.period_90d", timedelta(days=90)),
    "365d": ("past.period_365d", timedelta(days=365)),
}
SEVERITIES: Final[dict[str, str]] = {
    ANY: "past.severity_all",
    "watch": "past.severity_watch",
    "serious": "past.severity_serious",
    "critical": "past.severity_critical",
}


@dataclass(frozen=True, slots=True)
class Past:
    """The filters."""

    period: str = ANY
    severity: str = ANY

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return self != Past()

    def query(self, now: datetime) -> tuple[tuple[str, str | None], ...]:
        """As the API asks for them; from the start of a day, so that one question serves a while."""
        _, length = PERIODS[self.period]
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        since = None if length is None else rfc3339(today - length)
        return ("since", since), ("severity", None if self.severity == ANY else self.severity)
