"""The timeline of a report as the numbers of an SVG picture: bars, the usual band, an episode's marks. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from vigie_api.episodes.schema import TrendBucket

WIDTH: Final = 720
HEIGHT: Final = 250
_LEFT: Final = 40.0
_RIGHT: Final = 712.0
_TOP: Final = 34.0
_BOTTOM: Final = 218.0
_MOST_TICKS: Final = 8
_TICK_HOURS: Final = (1, 2, 3, 6, 12, 24, 48, 96, 192)
_MARK_ROOM: Final = 90.0


@dataclass(frozen=True, slots=True)
class Bar:
    """The negative posts of a bucket; `hot` from the onset on."""

    x: float
    y: float
    width: float
    height: float
    hot: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, and what it says."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the episode: its place, where its word goes, and to which side that reads."""

    x: float
    label: str
    label_x: float
    anchor: str
    row: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that is drawn, in the picture's own units."""

    bars: Sequence[Bar]
    band: str
    usual: str
    times: Sequence[Tick]
    counts: Sequence[Tick]
    marks: Sequence[Mark]
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def draw(
    buckets: Sequence[TrendBucket], step: timedelta, zone: ZoneInfo, marks: Sequence[tuple[datetime, str]]
) -> Timeline:
    """The picture of these buckets, oldest first; `marks` are moments and their words, the onset first."""
    since, until = buckets[0].at, buckets[-1].at + step
    most = _nice(max((max(one.negatives, one.high or 0.0) for one in buckets), default=0.0))
    onset = marks[0][0] if marks else until

    def x(at: datetime) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * ((at - since) / (until - since)), 1)

    def y(count: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * count / most, 1)

    width = max(round((_RIGHT - _LEFT) / len(buckets) * 0.8, 2), 0.5)
    bars = [
        Bar(x(one.at), y(one.negatives), width, round(_BOTTOM - y(one.negatives), 1), one.at >= onset)
        for one in buckets
        if one.negatives
    ]
    known = [one for one in buckets if one.expected is not None]
    middle = step / 2
    above = [f"{x(one.at + middle)},{y(one.high or 0.0)}" for one in known]
    below = [f"{x(one.at + middle)},{y(one.low or 0.0)}" for one in reversed(known)]
    return Timeline(
        bars=bars,
        band=" ".join(above + below),
        usual=" ".join(f"{x(one.at + middle)},{y(one.expected or 0.0)}" for one in known),
        times=[Tick(x(at), label) for at, label in _times(since, until, zone)],
        counts=[Tick(y(count), f"{count:g}") for count in (0.0, most / 2, most)],
        marks=[_mark(x(at), label, row) for row, (at, label) in enumerate(marks) if since <= at <= until],
    )


def _mark(x: float, label: str, row: int) -> Mark:
    """Two marks may be close to each other: each has a row of its own."""
    if x > _RIGHT - _MARK_ROOM:
        return Mark(x, label, x - 4, "end", row)
    return Mark(x, label, x + 4, "start", row)


def _nice(most: float) -> float:
    """The next of 2, 4, 10, 20, 40, 100 …: its half is a whole number."""
    size = 2.0
    while True:
        for factor in (1.0, 2.0, 5.0):
            if most <= size * factor:
                return size * factor
        size *= 10.0


def _times(since: datetime, until: datetime, zone: ZoneInfo) -> list[tuple[datetime, str]]:
    """Full hours, as many as there is room for; at midnight the day."""
    hours = (until - since) / timedelta(hours=1)
    every = next((one for one in _TICK_HOURS if hours / one <= _MOST_TICKS), _TICK_HOURS[-1])
    local = since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    found = []
    while local < until:
        local += timedelta(hours=1)
        days = local.toordinal() % max(every // 24, 1) == 0
        if local.hour % min(every, 24) == 0 and days and since <= local < until:
            found.append((local, f"{local:%d/%m}" if local.hour == 0 else f"{local:%H:%M}"))
    return found
