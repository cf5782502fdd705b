"""The report of an episode: one HTML page that needs nothing else, for the screen and for A4 paper.

Posts are hostile input: everything is escaped, the page runs no script and loads nothing, and says so itself.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from vigie_api.access.keys import EMBEDDED
from vigie_api.alerts.letter import one_line
from vigie_api.alerts.wording import Language, day_and_time, duration
from vigie_api.episodes.listing import read_one
from vigie_api.episodes.report_words import WORDS
from vigie_api.episodes.schema import EpisodeDetail, EpisodePost
from vigie_api.episodes.timeline import Timeline, draw
from vigie_api.episodes.trends import Period, buckets_of
from vigie_api.episodes.words import Which
from vigie_api.watch.counts import BUCKET_S

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MOST_CHARS: Final = 600
_MOST_BARS: Final = 100
_LEAST_BEFORE: Final = timedelta(hours=6)
_MOST_BEFORE: Final = timedelta(hours=24)
_AFTER: Final = timedelta(hours=1)
_TEMPLATES: Final = Environment(
    loader=PackageLoader("vigie_api.episodes"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def read_report(connection: Connection, episode_id: str, language: Language, zone: ZoneInfo, now: datetime) -> str:
    """The page, complete. Raises NoSuchEpisode."""
    episode = read_one(connection, episode_id)
    period = _period(episode, now)
    buckets = buckets_of(connection, Which((episode.topic,)), period)
    words = WORDS[language]
    timeline = draw(
        buckets,
        timedelta(seconds=period.step_s),
        zone,
        [(episode.onset_at, words["onset"]), (episode.opened_at, words["opened"])],
    )
    return render(episode, timeline, language, zone, now)


def _period(episode: EpisodeDetail, now: datetime) -> Period:
    """From well before the onset to after the end, in buckets that are few enough to be told apart."""
    ends = min(now, episode.closed_at + _AFTER) if episode.closed_at is not None else now
    ends = max(ends, episode.opened_at)
    before = min(max(ends - episode.onset_at, _LEAST_BEFORE), _MOST_BEFORE)
    length_s = (ends - episode.onset_at + before).total_seconds()
    step_s = next(step for step in (BUCKET_S, 900, 1_800, 3_600, 21_600, 86_400 * 30) if length_s / step <= _MOST_BARS)
    first = int((episode.onset_at - before).timestamp() // step_s)
    last = int(-(-ends.timestamp() // step_s))
    zone = episode.onset_at.tzinfo
    return Period(
        datetime.fromtimestamp(first * step_s, zone),
        datetime.fromtimestamp(max(last, first + 1) * step_s, zone),
        step_s,
    )


def render(episode: EpisodeDetail, timeline: Timeline, language: Language, zone: ZoneInfo, now: datetime) -> str:
    """The page of an episode that was read."""
    words = WORDS[language]

    def local(at: datetime | None) -> str | None:
        return None if at is None else day_and_time(at.astimezone(zone), language, "%H:%M")

    lasted = (episode.closed_at or now) - episode.onset_at
    return _TEMPLATES.get_template("report.html").render(
        lang=language,
        policy=POLICY,
        words=words,
        episode=episode,
        title=words[_title(episode)].format(topic=one_line(episode.topic, _MOST_CHARS)),
        severity=words[f"severity.{_severity(episode)}"],
        lead=words["lead"].format(
            count=_whole(episode.negatives, language),
            span=duration(max(lasted.total_seconds(), 60.0) // 60 * 60, language),
            expected=_whole(round(episode.expected), language),
        ),
        times=[
            (words[name], local(at))
            for name, at in (
                ("onset", episode.onset_at),
                ("opened", episode.opened_at),
                ("escalated", episode.escalated_at),
                ("closed", episode.closed_at),
            )
            if at is not None
        ],
        acknowledged=who_and_when(episode.acknowledged_by, local(episode.acknowledged_at), language),
        numbers=_numbers(episode, language),
        timeline=timeline,
        terms=[(term.term, _whole(term.count, language)) for term in episode.terms],
        lists=[
            (words[name], [_post(post, zone, language) for post in posts])
            for name, posts in (("first", episode.posts_first), ("telling", episode.posts_representative))
            if posts
        ],
        made=words["made"].format(at=local(now)),
    )


def _severity(episode: EpisodeDetail) -> str:
    """How bad it is, or, once it is over, how bad it became."""
    return f"{episode.severity}.closed" if episode.state == "closed" else episode.severity


def _title(episode: EpisodeDetail) -> str:
    return "title.false_alarm" if episode.false_alarm else f"title.{_severity(episode)}"


def who_and_when(who: str | None, at: str | None, language: Language) -> str | None:
    """When somebody took care of it, and who; not who where there are no keys and so nobody is known by name."""
    if at is None or who is None or who == EMBEDDED.name:
        return at
    return WORDS[language]["acknowledged_by"].format(at=at, who=one_line(who, _MOST_CHARS))


def _numbers(episode: EpisodeDetail, language: Language) -> list[tuple[str, str]]:
    words = WORDS[language]
    found = [
        (words["negatives"], _whole(episode.negatives, language)),
        (words["expected"], _whole(round(episode.expected), language)),
    ]
    if episode.share is not None:
        found.append((words["share"], f"{episode.share:.0%}".replace("%", words["percent"])))
    if episode.reach is not None:
        found.append((words["reach"], _whole(episode.reach, language)))
    return found


def _post(post: EpisodePost, zone: ZoneInfo, language: Language) -> Mapping[str, Any]:
    return {
        "text": WORDS[language]["no_text"] if post.text is None else one_line(post.text, _MOST_CHARS),
        "source": post.source,
        "at": day_and_time(post.created_at.astimezone(zone), language, "%H:%M"),
        "reach": None if post.reach is None else _whole(post.reach, language),
    }


def _whole(number: int, language: Language) -> str:
    """A whole number as the language groups its digits."""
    return f"{number:,}".replace(",", "\u202f" if language == "fr" else ",")
