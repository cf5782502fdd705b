"""The charts of the page Watch as Vega-Lite specifications, and the rows that they draw. No Streamlit, no clock.

The specification of a chart stays the same while its numbers change: the browser then moves what it has drawn instead
of drawing it anew.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import nan
from typing import Any, Final

from vigie_ui.i18n import Catalogue
from vigie_ui.palette import COLOURS
from vigie_ui.topic_answers import Trends

Columns = Mapping[str, list[float] | list[str]]
Spec = dict[str, Any]

AXIS_PX: Final = 44
"""The room of the vertical axes, the same in every chart, so that one hour stands above the same hour."""
TALL_PX: Final = 250
LOW_PX: Final = 96
_NUMBERS: Final = (
    "at",
    "middle",
    "end",
    "posts",
    "negatives",
    "share",
    "expected",
    "low",
    "high",
    "above",
    "whole",
    "tail",
)
_NUMBER_LOCALES: Final[dict[str, Spec]] = {
    "fr": {"decimal": ",", "thousands": "\u202f", "grouping": [3], "currency": ["", "\u00a0€"], "percent": "\u00a0%"},
    "en": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["€", ""]},
}
# An hour, an hour with its minutes, a day: as the labels of the time axis write them.
_CLOCKS: Final = {
    "fr": ("%-H\u00a0h", "%-H\u00a0h\u00a0%M", "%-d\u00a0%b"),
    "en": ("%-I\u00a0%p", "%-I:%M\u00a0%p", "%-d\u00a0%b"),
}
_DATE_FORMATS: Final = {"fr": "%-d %b %-H\u00a0h\u00a0%M", "en": "%-d %b, %-I:%M %p"}
_DAY_FORMATS: Final = {"fr": "%-d %B", "en": "%-d %B"}
_DAYS: Final = 86_400


def rows(trends: Trends, now: datetime) -> Columns:
    """One row a bucket, then one an episode, as columns; times in milliseconds since 1970, what is unknown is NaN."""
    step_ms = trends.step_s * 1000
    columns: dict[str, list[float]] = {name: [] for name in _NUMBERS}
    first, last = trends.since.timestamp() * 1000, trends.until.timestamp() * 1000
    # The bucket that has only begun: what is to come is not yet in its counts, and a fall there would be none.
    known_to = min(last, now.timestamp() * 1000)
    whole = [bucket.at.timestamp() * 1000 + step_ms <= known_to for bucket in trends.buckets]
    for place, bucket in enumerate(trends.buckets):
        start = bucket.at.timestamp() * 1000
        above = bucket.high is not None and bucket.negatives > bucket.high
        _add(
            columns,
            at=start,
            middle=start + step_ms / 2,
            end=start + step_ms,
            posts=bucket.posts,
            negatives=bucket.negatives,
            share=bucket.share,
            expected=bucket.expected,
            low=bucket.low,
            high=bucket.high,
            above=above,
            whole=whole[place],
            tail=not all(whole[place : place + 2]),
        )
    for episode in trends.episodes:
        opened = episode.opened_at.timestamp() * 1000
        _add(
            columns,
            at=max(first, episode.onset_at.timestamp() * 1000),
            middle=opened if first <= opened <= last else None,
            end=min(last, (episode.closed_at or now).timestamp() * 1000),
        )
    kinds = ["bucket"] * len(trends.buckets) + ["episode"] * len(trends.episodes)
    return {"kind": kinds, **columns}


def _add(columns: dict[str, list[float]], **values: float | None) -> None:
    for name, column in columns.items():
        value = values.get(name)
        column.append(nan if value is None else float(value))


def negatives(trends: Trends, say: Catalogue) -> Spec:
    """Negatives against what is usual, with the episodes."""
    band = {"filter": "datum.kind === 'bucket' && isValid(datum.high)"}
    x, y = _x(say), _y("negatives")
    tips = [
        _tip("posts", "timeline.posts", say),
        _tip("negatives", "timeline.negatives", say),
        _tip("expected", "timeline.expected", say, ".1f"),
        _tip("high", "timeline.high", say),
    ]
    layers: list[Spec] = [
        {
            "transform": [_EPISODES],
            "mark": {"type": "rect", "color": COLOURS["sun"], "opacity": 0.2},
            "encoding": {"x": _x(say, "at"), "x2": {"field": "end"}},
        },
        {
            "transform": [band],
            "mark": {"type": "area", "color": COLOURS["sky"], "opacity": 0.2, "interpolate": "monotone"},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "transform": [band],
            "mark": {"type": "line", "color": COLOURS["sky"], "strokeDash": [5, 4], "strokeWidth": 1.5},
            "encoding": {"x": x, "y": {**y, "field": "expected"}},
        },
        *_line(x, y, COLOURS["ink"]),
        {
            "transform": [{"filter": "datum.kind === 'bucket' && datum.above === 1"}],
            "mark": {"type": "point", "shape": "triangle-up", "filled": True, "color": COLOURS["negative"], "size": 70},
            "encoding": {"x": x, "y": y},
        },
        {
            "transform": [_EPISODES],
            "mark": {"type": "rule", "color": COLOURS["warn"], "strokeDash": [2, 3], "strokeWidth": 1.5},
            "encoding": {"x": _x(say, "at")},
        },
        {
            "transform": [_EPISODES, {"filter": "isValid(datum.middle)"}],
            "mark": {"type": "rule", "color": COLOURS["negative"], "strokeWidth": 2},
            "encoding": {"x": x},
        },
        _columns(trends, say, tips),
    ]
    return _chart(layers, TALL_PX, say)


def volume(trends: Trends, say: Catalogue) -> Spec:
    """All posts, step by step."""
    bars: Spec = {
        "transform": [_BUCKETS],
        "mark": {"type": "rect", "color": COLOURS["edge"]},
        "encoding": {
            "x": _x(say, "at"),
            "x2": {"field": "end"},
            "y": _y("posts", ticks=3),
            "y2": {"datum": 0},
            "opacity": {"condition": {"test": "datum.whole === 1", "value": 1}, "value": 0.5},
        },
    }
    return _chart([bars, _columns(trends, say, [_tip("posts", "timeline.posts", say)])], LOW_PX, say)


def share(trends: Trends, say: Catalogue) -> Spec:
    """The share of negatives among the posts."""
    x = _x(say)
    y = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domainMin": 0},
        "axis": {**_AXIS_Y, "tickCount": 3, "format": ".0%"},
        "title": None,
    }
    return _chart(
        [*_line(x, y, COLOURS["negative"]), _columns(trends, say, [_tip("share", "timeline.share", say, ".0%")])],
        LOW_PX,
        say,
    )


_BUCKETS: Final[Spec] = {"filter": "datum.kind === 'bucket'"}
_EPISODES: Final[Spec] = {"filter": "datum.kind === 'episode'"}
_AXIS_Y: Final[Spec] = {"minExtent": AXIS_PX, "maxExtent": AXIS_PX, "domain": False, "ticks": False, "labelPadding": 8}


def _x(say: Catalogue, field: str = "middle") -> Spec:
    # The ends come from the data, not from the specification, which must stay the same from one look to the next.
    hour, minute, day = _CLOCKS[say.language]
    label = (
        f"hours(datum.value) + minutes(datum.value) === 0 ? timeFormat(datum.value, '{day}') : "
        f"timeFormat(datum.value, minutes(datum.value) === 0 ? '{hour}' : '{minute}')"
    )
    axis = {"labelOverlap": True, "tickCount": {"expr": "max(3, floor(width / 90))"}, "grid": False, "labelExpr": label}
    return {"field": field, "type": "temporal", "scale": {"nice": False}, "axis": axis, "title": None}


def _y(field: str, ticks: int = 5) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domainMin": 0, "nice": True},
        "axis": {**_AXIS_Y, "tickCount": ticks, "tickMinStep": 1, "format": ",.0f"},
        "title": None,
    }


def _tip(field: str, words: str, say: Catalogue, pattern: str = ",.0f") -> Spec:
    return {"field": field, "type": "quantitative", "title": say(words), "format": pattern}


def _when(trends: Trends, say: Catalogue) -> Spec:
    pattern = _DAY_FORMATS if trends.step_s >= _DAYS else _DATE_FORMATS
    return {"field": "at", "type": "temporal", "title": say("timeline.when"), "format": pattern[say.language]}


def _line(x: Spec, y: Spec, colour: str) -> list[Spec]:
    """A line through the whole buckets, dotted on to the one that has only begun."""
    known = {"filter": f"datum.kind === 'bucket' && isValid(datum.{y['field']})"}
    mark = {"type": "line", "color": colour, "strokeWidth": 2, "strokeJoin": "round"}
    return [
        {
            "transform": [known, {"filter": f"datum.{part} === 1"}],
            "mark": mark | more,
            "encoding": {"x": x, "y": y},
        }
        for part, more in (("whole", {}), ("tail", {"strokeDash": [1, 4], "strokeCap": "round"}))
    ]


def _columns(trends: Trends, say: Catalogue, tips: Sequence[Spec]) -> Spec:
    """A column for each bucket, unseen until the pointer (or a finger) is on it: it tells the numbers.

    It also makes the time axis begin and end with the buckets, in every chart alike.
    """
    return {
        "transform": [_BUCKETS],
        "params": [{"name": "hover", "select": {"type": "point", "on": "pointerover", "clear": "pointerout"}}],
        "mark": {"type": "rect", "color": COLOURS["ink"]},
        "encoding": {
            "x": _x(say, "at"),
            "x2": {"field": "end"},
            "opacity": {"condition": {"param": "hover", "empty": False, "value": 0.1}, "value": 0},
            "tooltip": [_when(trends, say), *tips],
        },
    }


def _chart(layers: list[Spec], height: int, say: Catalogue) -> Spec:
    return {
        "layer": layers,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 0, "right": 8, "top": 6, "bottom": 2},
        "usermeta": {"embedOptions": {"renderer": "svg", "actions": False}},
        "config": {
            "background": "transparent",
            # The chart's own text tells more to a screen reader than a hundred unseen columns.
            "aria": False,
            "view": {"stroke": None},
            "font": "inherit",
            "axis": {
                "labelColor": COLOURS["muted"],
                "labelFontSize": 12,
                "gridColor": COLOURS["line"],
                "domainColor": COLOURS["edge"],
                "tickColor": COLOURS["edge"],
            },
            "locale": {"number": _NUMBER_LOCALES[say.language], "time": _time_locale(say)},
        },
    }


def _time_locale(say: Catalogue) -> Spec:
    months = [say(f"date.month.{month}") for month in range(1, 13)]
    days = say("date.weekdays").split()
    french = say.language == "fr"
    return {
        "dateTime": "%A %e %B %Y %X" if french else "%A, %e %B %Y %X",
        "date": "%d/%m/%Y",
        "time": "%H:%M",
        "periods": ["am", "pm"],
        "days": days,
        "shortDays": [day[:3] for day in days],
        "months": months,
        "shortMonths": say("date.short_months").split(),
    }
