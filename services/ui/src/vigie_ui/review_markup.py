"""HTML of the page that checks verdicts. What people wrote goes through `escape`."""

from datetime import datetime
from html import escape
from typing import Final

from vigie_ui.deck import COUNTED_UP_TO, Card, Deck
from vigie_ui.i18n import Catalogue
from vigie_ui.markup import face
from vigie_ui.post import Delivery
from vigie_ui.review_answers import Example, Patterns, ReviewItem, Term
from vigie_ui.verdict import LANGUAGE_KEYS, LANGUAGE_UNKNOWN_KEY, SENTIMENT_KEYS

REASON_KEYS: Final = {
    "uncertain": "review.reason_uncertain",
    "disagreement": "review.reason_disagreement",
    "disputed": "review.reason_disputed",
}
MOST_TERMS: Final = 12
MOST_TOPICS: Final = 8


def progress(deck: Deck, say: Catalogue) -> str:
    """How much is done today and how much waits, in words and as a bar."""
    done, left = deck.done_today, deck.left
    share = done / (done + left) if done + left else 0.0
    more = left >= COUNTED_UP_TO
    waiting = say("review.left_over", count=say.number(left)) if more else say.plural("review.left", left)
    return (
        f'<div class="v-progress"><p><strong>{escape(say.plural("review.done", done))}</strong>'
        f"<span>{escape(waiting)}</span></p>"
        f'<div class="v-bar" aria-hidden="true"><span style="width:{share * 100:.1f}%"></span></div></div>'
    )


def card(shown: Card, when: str, say: Catalogue, *, taken_back: bool) -> str:
    """The text, why it is asked, what the model says, and what the reader said of it, if he did."""
    item = shown.item
    band = ""
    if taken_back:
        band = _band("calm", say("review.taken_back"))
    elif shown.said is not None:
        words = say("review.you_said", word=say(SENTIMENT_KEYS[shown.said]).lower())
        if shown.delivery is Delivery.REFUSED:
            band = _band("bad", f"{words} {say('review.not_taken')}")
        else:
            band = _band("good" if shown.delivery is Delivery.SENT else "calm", words)
    elif shown.skipped:
        band = _band("calm", say("review.you_skipped"))
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(item, when, say)
    )
    return (
        f'<section class="v-tocheck v-{item.sentiment}" data-card="{escape(item.prediction_id)}" role="status"'
        f' aria-label="{escape(say("review.card"))}">'
        f'{band}<p class="v-why">{_reasons(item, say)}</p>'
        f'<blockquote class="v-post">{escape(item.text)}</blockquote>'
        f'<div class="v-says">{face(item.sentiment, "v-face")}<p>{escape(say("review.model_says"))}'
        f'<strong class="v-word">{escape(say(SENTIMENT_KEYS[item.sentiment]))}</strong></p>'
        f'<p class="v-percent"><strong>{escape(say.percent(item.confidence))}</strong>'
        f"<span>{escape(say('verdict.confidence'))}</span></p></div>"
        f'<dl class="v-facts">{rows}</dl></section>'
    )


def _band(tone: str, words: str) -> str:
    return f'<p class="v-band v-{tone}">{escape(words)}</p>'


def _reasons(item: ReviewItem, say: Catalogue) -> str:
    words = [say(REASON_KEYS[reason]) for reason in item.reasons if reason in REASON_KEYS]
    chips = words or [say("review.reason_typical")]
    return "".join(f'<span class="v-reason">{escape(chip)}</span>' for chip in chips)


def _facts(item: ReviewItem, when: str, say: Catalogue) -> list[tuple[str, str]]:
    facts = [
        (say("verdict.language"), language(item.language, say)),
        (say("review.judged"), when),
        (say("verdict.model"), say("models.version", version=item.model_version)),
    ]
    if item.topic is not None:
        facts.append((say("review.topic"), item.topic))
    if item.challenger is not None:
        word = say(SENTIMENT_KEYS[item.challenger.sentiment])
        sure = max(item.challenger.score, 1 - item.challenger.score)
        told = say("review.challenger_says", word=word, percent=say.percent(sure))
        facts.append((say("review.challenger", version=item.challenger.version), told))
    if item.copies > 1:
        facts.append((say("review.stands_for"), say("review.copies", count=say.number(item.copies))))
    return facts


def language(code: str, say: Catalogue) -> str:
    """A language's name."""
    return say(LANGUAGE_KEYS.get(code, LANGUAGE_UNKNOWN_KEY))


def all_done(say: Catalogue, *, filtered: bool) -> str:
    """There is nothing to check."""
    note = say("review.empty_filtered" if filtered else "review.empty_text")
    return (
        f'<section class="v-alldone v-positive" role="status">{face("positive", "v-face")}'
        f"<p><strong>{escape(say('review.empty_title'))}</strong></p><p>{escape(note)}</p></section>"
    )


def shares(patterns: Patterns, say: Catalogue) -> str:
    """How often the model was wrong, by language, among what was checked."""
    return _shares([(language(one.language, say), one.wrong, one.judged) for one in patterns.by_language], say)


def topic_shares(patterns: Patterns, say: Catalogue) -> str:
    """The same by topic, for those that were checked most."""
    shown = patterns.by_topic[:MOST_TOPICS]
    return _shares([(one.topic or say("mistakes.no_topic"), one.wrong, one.judged) for one in shown], say)


def _shares(counted: list[tuple[str, int, int]], say: Catalogue) -> str:
    rows = "".join(_share(name, wrong, judged, say) for name, wrong, judged in counted if judged)
    return f'<ul class="v-shares">{rows}</ul>'


def _share(name: str, wrong: int, judged: int, say: Catalogue) -> str:
    share = wrong / judged
    told = say("mistakes.of", wrong=say.number(wrong), judged=say.number(judged))
    return (
        f"<li><p><strong>{escape(name)}</strong> <span>{escape(told)}</span></p>"
        f'<div class="v-bar" aria-hidden="true"><span style="width:{share * 100:.1f}%"></span></div>'
        f"<p><strong>{escape(say.percent(share))}</strong></p></li>"
    )


def terms(found: tuple[Term, ...], code: str, say: Catalogue) -> str:
    """The words that come back in the mistakes of one language, each with its texts."""
    chosen = [term for term in found if term.language == code][:MOST_TERMS]
    most = max((term.wrong for term in chosen), default=1) or 1
    rows = "".join(_term(term, most, say) for term in chosen)
    return f'<div class="v-terms"><h3>{escape(language(code, say))}</h3>{rows}</div>'


def _term(term: Term, most: int, say: Catalogue) -> str:
    told = say("mistakes.of", wrong=say.number(term.wrong), judged=say.number(term.judged))
    examples = "".join(_example(one, say) for one in term.examples)
    return (
        f'<details class="v-term"><summary><span class="v-term-word">{escape(term.term)}</span>'
        f'<span class="v-bar" aria-hidden="true"><span style="width:{min(1.0, term.wrong / most) * 100:.1f}%"></span>'
        f'</span><span class="v-term-count">{escape(told)}</span></summary><ul>{examples}</ul></details>'
    )


def _example(one: Example, say: Catalogue) -> str:
    return f"<li>{escape(one.text)}{arrow(one.sentiment, one.correction, say)}</li>"


def arrow(said: str | None, right: str | None, say: Catalogue) -> str:
    """What was predicted, and what would have been right."""
    known = {"positive": say("sentiment.positive"), "negative": say("sentiment.negative")}
    before, after = known.get(said or ""), known.get(right or "")
    if before is None or after is None:
        return ""
    words = say("mistakes.arrow", before=before.lower(), after=after.lower())
    return f'<span class="v-arrow">{escape(words)}</span>'


def moment(at: datetime, now: datetime, say: Catalogue) -> str:
    """When something happened, as a sentence begins; both in one time zone."""
    told = say.moment(at, now)
    return told[:1].upper() + told[1:]
