"""HTML of episodes. What people wrote goes through `escape`."""

from html import escape
from typing import Final

from vigie_ui.alert_markup import SURGE_KEYS, Clock, amount, signed
from vigie_ui.episode_answers import Episode
from vigie_ui.feed_markup import post
from vigie_ui.i18n import Catalogue
from vigie_ui.mention_answers import Mention
from vigie_ui.topic_markup import chip, state

PROGRESS_KEYS: Final = {
    "open": "episode.state_open",
    "cooling": "episode.state_cooling",
    "closed": "episode.state_closed",
}
TITLE_KEYS: Final = {
    "open": SURGE_KEYS,
    "cooling": {
        "watch": "episode.title_watch_cooling",
        "serious": "episode.title_serious_cooling",
        "critical": "episode.title_critical_cooling",
    },
    "closed": {
        "watch": "episode.title_watch_closed",
        "serious": "episode.title_serious_closed",
        "critical": "episode.title_critical_closed",
    },
}
REACHED_KEYS: Final = {
    "watch": "episode.reached_watch",
    "serious": "episode.reached_serious",
    "critical": "episode.reached_critical",
}
"""How bad it became, of an episode that nobody needs to watch any more."""


def severity(episode: Episode) -> str:
    """Its severity, as far as this page knows it."""
    return episode.severity if episode.severity in SURGE_KEYS else "watch"


def title(episode: Episode, say: Catalogue) -> str:
    """What goes on, or went on, in one line."""
    if episode.false_alarm:
        return say("episode.title_false_alarm", topic=episode.topic)
    return say(TITLE_KEYS.get(episode.state, SURGE_KEYS)[severity(episode)], topic=episode.topic)


def condition(episode: Episode, say: Catalogue) -> str:
    """How bad it is, as a chip; muted, how bad it became, once it is over."""
    name = severity(episode)
    if episode.false_alarm:
        return chip(name, say("episode.false_alarm"), muted=True)
    return chip(name, say(REACHED_KEYS[name]), muted=True) if episode.closed else state(name, say)


def panel(episode: Episode, clock: Clock, say: Catalogue) -> str:
    """An episode: how bad, since when, how much more than usual, on which words, and who has it in hand."""
    tone = "v-over" if episode.closed or episode.false_alarm else f"v-is-{severity(episode)}"
    return (
        f'<section class="v-episode {tone}"><div class="v-episode-head"><div>'
        f'<p class="v-episode-state">{condition(episode, say)}<span>{escape(progress(episode, say))}</span></p>'
        f"<h2>{escape(title(episode, say))}</h2></div></div>"
        f'<p class="v-episode-when">{escape(_when(episode, clock, say))}</p>'
        f"{_figures(episode, say)}{_counted(episode, clock, say)}{_terms(episode, say)}"
        f"{_in_hand(episode, clock, say)}</section>"
    )


def progress(episode: Episode, say: Catalogue) -> str:
    """Whether it goes on."""
    return say(PROGRESS_KEYS.get(episode.state, "episode.state_open"))


def _when(episode: Episode, clock: Clock, say: Catalogue) -> str:
    if episode.past:
        told = [say("episode.since_past", onset=clock(episode.onset_at))]
    else:
        told = [say("episode.since", onset=clock(episode.onset_at), opened=clock(episode.opened_at))]
    if episode.escalated_at is not None:
        told.append(say("episode.escalated", when=clock(episode.escalated_at)))
    if episode.closed_at is not None:
        told.append(say("episode.over", when=clock(episode.closed_at)))
    return " ".join(told)


def _figures(episode: Episode, say: Catalogue) -> str:
    usual = say("episode.usual", expected=amount(episode.expected, say))
    if episode.ratio is not None and episode.ratio >= 1.5:
        usual = say("episode.times", ratio=amount(episode.ratio, say), expected=amount(episode.expected, say))
    figures = [(say.number(episode.negatives), say("episode.negatives"), usual)]
    if episode.share is not None:
        posts = say.plural("episode.of_posts", episode.posts)
        figures.append((say.percent(episode.share), say("episode.share"), posts))
    if episode.reach:
        figures.append((say.number(episode.reach), say("episode.reach"), say("episode.reach_note")))
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd><strong>{escape(value)}</strong><span>{escape(note)}</span></dd></div>"
        for value, name, note in figures
    )
    return f'<dl class="v-episode-figures">{cells}</dl>'


def _counted(episode: Episode, clock: Clock, say: Catalogue) -> str:
    # The live figures of a topic are of its last hour, and newer.
    if episode.closed:
        return ""
    return f'<p class="v-counted">{escape(say("episode.counted", when=clock(episode.updated_at)))}</p>'


def _terms(episode: Episode, say: Catalogue) -> str:
    if not episode.terms:
        return ""
    chips = "".join(
        f"<li>{escape(term.term)} <span>{escape(say.number(term.count))}</span></li>" for term in episode.terms[:10]
    )
    return f'<div class="v-words"><p>{escape(say("episode.terms"))}</p><ul>{chips}</ul></div>'


def _in_hand(episode: Episode, clock: Clock, say: Catalogue) -> str:
    lines = []
    if episode.acknowledged_at is not None:
        keys = ("alert.by", "alert.by_someone")
        lines.append(escape(signed(keys, episode.acknowledged_by, clock(episode.acknowledged_at), say)))
    if episode.assignee:
        lines.append(escape(say("episode.assigned", who=episode.assignee)))
    told = f'<p class="v-row-line">{" · ".join(lines)}</p>' if lines else ""
    note = f"<p>{escape(episode.note)}</p>" if episode.note else ""
    return f'<div class="v-inhand">{told}{note}</div>' if told or note else ""


def posts(episode: Episode, clock: Clock, say: Catalogue) -> str:
    """The posts that began it, and those that say best what it is about."""
    return _listed("episode.first", episode.posts_first, clock, say, opened=False) + _listed(
        "episode.representative", episode.posts_representative, clock, say, opened=True
    )


def _listed(words: str, mentions: tuple[Mention, ...], clock: Clock, say: Catalogue, *, opened: bool) -> str:
    if not mentions:
        return ""
    rows = "".join(f"<li>{post(mention, None, clock, say, topic=False)}</li>" for mention in mentions)
    flag = " open" if opened else ""
    return f'<details class="v-evidence v-posts"{flag}><summary>{escape(say(words))}</summary><ul>{rows}</ul></details>'


def row(episode: Episode, clock: Clock, say: Catalogue) -> str:
    """One episode in a list: when, what, how bad, and what was made of it."""
    end = clock(episode.closed_at) if episode.closed_at else progress(episode, say)
    facts = [say("episode.span", start=clock(episode.onset_at), end=end)]
    facts.append(
        say("episode.against", negatives=say.number(episode.negatives), expected=amount(episode.expected, say))
    )
    if episode.assignee:
        facts.append(say("episode.assigned", who=episode.assignee))
    return (
        f'<div class="v-past"><p><strong>{escape(episode.topic)}</strong>{condition(episode, say)}</p>'
        f'<p class="v-row-line">{escape(" · ".join(facts))}</p></div>'
    )
