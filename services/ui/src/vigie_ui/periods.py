"""How far back a list goes, as its reader chooses it."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Period = Literal["all", "day", "week", "month"]
PERIOD_KEYS: Final[dict[Period, str]] = {
    "all": "period.all",
    "day": "period.day",
    "week": "period.week",
    "month": "period.month",
}
_DAYS: Final[dict[Period, int]] = {"day": 1, "week": 7, "month": 30}


def since(period: Period, now: datetime, zone: ZoneInfo) -> str | None:
    """The start of a period of whole days, today the last one, in RFC 3339; None: from the beginning."""
    days = _DAYS.get(period)
    if days is None:
        return None
    local = now.astimezone(zone)
    first = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    return first.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
