"""HTML of the topics that are watched. What came from outside goes through `escape`."""

from collections.abc import Sequence
from html import escape
from typing import Final

from vigie_ui.alert_markup import Clock, amount
from vigie_ui.episode_answers import Episode
from vigie_ui.i18n import Catalogue
from vigie_ui.markup import picture
from vigie_ui.palette import COLOURS
from vigie_ui.topic_answers import LastHour, Topic, Trends

STATE_KEYS: Final = {
    "calm": "state.calm",
    "learning": "state.learning",
    "watch": "state.watch",
    "serious": "state.serious",
    "critical": "state.critical",
}
_LEVELS: Final = {"watch": 1, "serious": 2, "critical": 3}
_LEVEL_COLOURS: Final = {"watch": "warn", "serious": "negative", "critical": "negative"}
SOURCE_NAMES: Final = {"x": "X", "bluesky": "Bluesky", "demo": "demo"}


def state(name: str, say: Catalogue) -> str:
    """A state as a chip: a sign of its own and a word, so that colour is only the third to say it."""
    name = name if name in STATE_KEYS else "learning"
    return chip(name, say(STATE_KEYS[name]))


def chip(name: str, words: str, *, muted: bool = False) -> str:
    """A state under other words; muted when it calls nobody any more."""
    css = "muted" if muted else name
    return f'<span class="v-condition v-{css}">{_sign(name, muted=muted)}{escape(words)}</span>'


def _sign(name: str, *, muted: bool) -> str:
    """A tick, a clock, or one to three bars."""
    if name in _LEVELS:
        colour = COLOURS["card"] if name == "critical" else COLOURS[_LEVEL_COLOURS[name]]
        colour = COLOURS["muted"] if muted else colour
        bars = "".join(
            f'<rect x="{2 + 7 * place}" y="{14 - 5 * place}" width="5" height="{8 + 5 * place}" rx="1" '
            f'fill="{colour}" opacity="{1 if place < _LEVELS[name] else 0.3}"/>'
            for place in range(3)
        )
        return picture(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{bars}</svg>', "v-sign")
    colour = COLOURS["positive"] if name == "calm" else COLOURS["muted"]
    inner = '<path d="m5 12.500 4.500 4.500L19 7.500"/>' if name == "calm" else '<path d="M12 6.500V12l3.500 2.500"/>'
    ring = "" if name == "calm" else '<circle cx="12" cy="12" r="9.500"/>'
    return picture(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        f'stroke="{colour}" stroke-width="2.400" stroke-linecap="round" stroke-linejoin="round">{ring}{inner}</svg>',
        "v-sign",
    )


def source(name: str) -> str:
    """A source as people write it."""
    return SOURCE_NAMES.get(name, name)


def card(
    topic: Topic, day: Trends | None, clock: Clock, say: Catalogue, *, chosen: bool, episode: Episode | None = None
) -> str:
    """How one topic does: its state, the last hour against what is usual, the day, and its course as a small line.

    An open `episode` gives its own figures, which are of another time.
    """
    hour = topic.last_hour
    name = topic.state if topic.state in STATE_KEYS else "learning"
    told = [say.plural("topic.posts", topic.posts_24h)]
    if topic.share_24h is not None and topic.posts_24h:
        told.append(say("topic.share", share=say.percent(topic.share_24h)))
    facts = [", ".join(source(one) for one in topic.sources)] if topic.sources else []
    if topic.last_post_at is not None:
        facts.append(say("topic.last_post", when=clock(topic.last_post_at)))
    line = f'<p class="v-row-line">{escape(" · ".join(facts))}</p>' if facts else ""
    if episode is not None:
        counted = say.plural("topic.episode", episode.negatives)
        words = say("topic.episode_counted", negatives=counted, when=clock(episode.updated_at))
        line = f'<p class="v-topic-episode">{escape(words)}</p>{line}'
    flag = " v-chosen" if chosen else ""
    return (
        f'<section class="v-topic v-is-{name}{flag}"><div class="v-topic-head"><h3>{escape(topic.topic)}</h3>'
        f"{state(name, say)}</div>"
        f'<div class="v-topic-hour"><p><strong>{escape(say.number(hour.negatives))}</strong>'
        f"<span>{escape(_hour(hour, say))}</span></p>{_sparkline(day, say)}</div>"
        f'<p class="v-topic-day">{escape(", ".join(told))}</p>{line}</section>'
    )


def _hour(hour: LastHour, say: Catalogue) -> str:
    words = say.plural("topic.negatives", hour.negatives)
    if hour.expected is None:
        return say("topic.hour_learning", negatives=words)
    return say("topic.hour", negatives=words, expected=amount(hour.expected, say))


def _sparkline(day: Trends | None, say: Catalogue) -> str:
    if day is None or len(day.buckets) < 2:
        return '<span class="v-spark"></span>'
    counts = [bucket.negatives for bucket in day.buckets]
    top = max(*counts, 1)
    points = _points(counts, top)
    x, y = points[-1]
    path = " ".join(f"{left:.1f},{up:.1f}" for left, up in points)
    usual = [bucket.expected for bucket in day.buckets]
    band = ""
    if all(one is not None for one in usual):
        line = _points([min(one or 0.0, top) for one in usual], top)
        told = " ".join(f"{left:.1f},{up:.1f}" for left, up in line)
        band = f'<polyline points="{told}" fill="none" stroke="{COLOURS["sky"]}" stroke-dasharray="3 3"/>'
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40" preserveAspectRatio="none">'
        f'<polygon points="3,37 {path} 117,37" fill="{COLOURS["line"]}" opacity=".6"/>{band}'
        f'<polyline points="{path}" fill="none" stroke="{COLOURS["ink"]}" stroke-width="1.8" stroke-linejoin="round"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.600" fill="{COLOURS["ink"]}"/></svg>'
    )
    told = say("topic.sparkline", most=say.number(max(counts)))
    return picture(svg, "v-spark").replace('alt=""', f'alt="{escape(told)}"', 1)


def _points(values: Sequence[float], top: float) -> list[tuple[float, float]]:
    step = 114 / (len(values) - 1)
    return [(3 + place * step, 37 - 33 * value / top) for place, value in enumerate(values)]


def legend(say: Catalogue, *, expected: bool, episodes: bool, begun: bool) -> str:
    """What the lines and grounds of the timeline mean."""
    items = [("v-line-now", "timeline.legend_negatives")]
    if begun:
        items.append(("v-line-begun", "timeline.legend_begun"))
    if expected:
        items += [("v-line-usual", "timeline.legend_expected"), ("v-above", "timeline.legend_above")]
    if episodes:
        items += [("v-line-opened", "timeline.legend_opened"), ("v-span", "timeline.legend_episode")]
    spans = "".join(f'<span><i class="{css}"></i>{escape(say(words))}</span>' for css, words in items)
    return f'<p class="v-key v-key-timeline">{spans}</p>'


def summary(trends: Trends, clock: Clock, say: Catalogue) -> str:
    """The timeline in a sentence, for those who do not see it and those in a hurry."""
    posts = sum(bucket.posts for bucket in trends.buckets)
    found = sum(bucket.negatives for bucket in trends.buckets)
    if not posts:
        return say("timeline.nothing")
    peak = max(trends.buckets, key=lambda bucket: bucket.negatives)
    told = say(
        "timeline.summary",
        posts=say.plural("topic.posts_period", posts),
        negatives=say.plural("timeline.negatives_count", found),
        share=say.percent(found / posts),
    )
    if found:
        told += " " + say("timeline.peak", count=say.number(peak.negatives), when=clock(peak.at))
    return told
