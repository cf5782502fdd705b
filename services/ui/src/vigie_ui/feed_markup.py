"""HTML of posts. What people wrote goes through `escape`, and only web addresses become links."""

from html import escape
from urllib.parse import urlsplit

from vigie_ui.alert_markup import Clock
from vigie_ui.feed import Standing
from vigie_ui.i18n import Catalogue
from vigie_ui.markup import face
from vigie_ui.mention_answers import Mention
from vigie_ui.post import Delivery
from vigie_ui.topic_markup import source
from vigie_ui.verdict import LANGUAGE_KEYS, SENTIMENT_KEYS


def post(mention: Mention, standing: Standing | None, clock: Clock, say: Catalogue, *, topic: bool) -> str:
    """One post: what it says, how it was read, from where and when; `topic`: name that too."""
    sentiment = mention.sentiment
    tone = f"v-{sentiment}" if sentiment else "v-unread"
    return (
        f'<article class="v-mention {tone}">{_reading(mention, standing, say)}'
        f'<p class="v-mention-text">{_text(mention, say)}</p>'
        f'<p class="v-row-line">{_facts(mention, clock, say, topic=topic)}</p></article>'
    )


def _reading(mention: Mention, standing: Standing | None, say: Catalogue) -> str:
    if mention.sentiment is None:
        return f'<p class="v-reading"><span>{escape(say("feed.unread"))}</span></p>'
    told = f"<strong>{escape(say(SENTIMENT_KEYS[mention.sentiment]))}</strong>"
    if mention.confidence is not None:
        told += f"<span>{escape(say.percent(mention.confidence))}</span>"
    if mention.uncertain:
        told += f'<span class="v-tagged v-unsure">{escape(say("sureness.hesitant"))}</span>'
    if mention.counted is False:
        told += f'<span class="v-tagged">{escape(say("feed.copy"))}</span>'
    return f'<p class="v-reading">{face(mention.sentiment)}{told}{_standing(standing, say)}</p>'


def _standing(standing: Standing | None, say: Catalogue) -> str:
    if standing is None:
        return ""
    if standing.delivery is Delivery.REFUSED:
        words = say("history.refused")
    elif standing.correction is not None:
        words = say("history.corrected", word=say(SENTIMENT_KEYS[standing.correction]).lower())
    else:
        words = say("history.confirmed")
    if standing.delivery is Delivery.WAITING:
        words = f"{words} · {say('history.waiting')}"
    return f'<span class="v-judged">{escape(words)}</span>'


def _text(mention: Mention, say: Catalogue) -> str:
    if mention.text:
        return escape(mention.text)
    return f"<em>{escape(say('alert.deleted'))}</em>" if mention.sentiment else ""


def _facts(mention: Mention, clock: Clock, say: Catalogue, *, topic: bool) -> str:
    facts = [escape(mention.topic)] if topic else []
    facts += [escape(source(mention.source)), escape(clock(mention.created_at))]
    if mention.language in LANGUAGE_KEYS:
        facts.append(escape(say(LANGUAGE_KEYS[mention.language])))
    if mention.reach:
        facts.append(escape(say.plural("feed.reach", mention.reach)))
    link = web_address(mention.url)
    if link:
        words = escape(say("feed.open"))
        facts.append(f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer nofollow">{words}</a>')
    return " · ".join(facts)


def web_address(url: str | None) -> str | None:
    """The address, when it is one of the web; others could run code in the reader's browser."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None
