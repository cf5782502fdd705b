"""HTML of the page's cards. What people wrote goes through `escape` and is shown as text, never read as markup."""

import re
from html import escape
from importlib import resources
from typing import Final, Literal
from urllib.parse import quote

from vigie_ui.answers import Sentiment
from vigie_ui.i18n import Catalogue
from vigie_ui.notices import Notice
from vigie_ui.palette import COLOURS
from vigie_ui.reasons import Piece, ReasonsView
from vigie_ui.verdict import VerdictView

Tone = Literal["good", "calm", "warn", "bad"]

_EYES: Final = '<path d="M9 9.500v.6M15 9.500v.6"/>'
_MOUTHS: Final[dict[Sentiment, str]] = {
    "positive": '<path d="M8 14.200c1 1.700 2.400 2.500 4 2.500s3-.8 4-2.500"/>',
    "negative": '<path d="M8 16.600c1-1.700 2.400-2.500 4-2.500s3 .8 4 2.500"/>',
}
_SIGNS: Final[dict[Tone, str]] = {
    "good": '<path d="m8 12.500 2.800 2.800L16.200 9.500"/>',
    "calm": '<path d="M12 7.500V12l3 2"/>',
    "warn": '<path d="M12 7.500v5.500M12 16.300v.1"/>',
    "bad": '<path d="m9 9 6 6m0-6-6 6"/>',
}
_TONES: Final[dict[Tone, str]] = {"good": "positive", "calm": "sky", "warn": "warn", "bad": "negative"}


def logo() -> str:
    """The Air Paradis mark, an SVG document."""
    return resources.files("vigie_ui").joinpath("assets", "logo.svg").read_text(encoding="utf-8").strip()


def picture(svg: str, css: str) -> str:
    """An SVG document as an image within the page: `st.html` lets images through, not SVG elements."""
    return f'<img class="{css}" alt="" src="data:image/svg+xml,{quote(svg)}">'


def icon(inner: str, colour: str, css: str = "v-icon") -> str:
    """A line icon in a circle, in one colour of the palette; words beside it say the same."""
    return picture(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        f'stroke="{COLOURS[colour]}" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">'
        f'<circle cx="12" cy="12" r="9.500"/>{inner}</svg>',
        css,
    )


def face(sentiment: Sentiment, css: str = "v-icon") -> str:
    """A smiling or a frowning face: the sentiment for those who see no colour."""
    return icon(_EYES + _MOUTHS[sentiment], sentiment, css)


def masthead(brand: str, say: Catalogue) -> str:
    """Logo, name and line of the page's head."""
    return (
        f'<div class="v-brand">{picture(logo(), "v-logo")}'
        f'<div><span class="v-brand-name">{escape(brand)}</span>'
        f'<span class="v-brand-line">{escape(say("app.tagline"))}</span></div></div>'
    )


def heading(title: str, intro: str) -> str:
    """The title of a page and the sentence under it."""
    return f'<div class="v-heading"><h1>{escape(title)}</h1><p>{escape(intro)}</p></div>'


def section(title: str, note: str = "") -> str:
    """The title of a part of the page."""
    tail = f"<p>{escape(note)}</p>" if note else ""
    return f'<div class="v-section"><h2>{escape(title)}</h2>{tail}</div>'


def small_label(text: str) -> str:
    """A quiet line above a group of controls."""
    return f'<p class="v-label">{escape(text)}</p>'


def plain(text: str) -> str:
    """A text in a button's label, where Streamlit would read Markdown in it."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])", r"\\\1", text)


def quiet(text: str) -> str:
    """A line that says what is not there."""
    return f'<p class="v-missing">{escape(text)}</p>'


def empty_verdict(say: Catalogue) -> str:
    """What stands where the verdict will be."""
    return (
        f'<section class="v-empty" aria-label="{escape(say("verdict.title"))}">'
        f"<p><strong>{escape(say('verdict.empty_title'))}</strong></p><p>{escape(say('verdict.empty_text'))}</p></section>"
    )


def verdict_card(view: VerdictView, say: Catalogue, reasons: ReasonsView | None = None) -> str:
    """The verdict: face, word and colour, how sure, on which text (its words marked, with reasons), by which model."""
    value = say("verdict.confidence_value", percent=view.percent, sureness=view.sureness_word)
    confidence = escape(say("verdict.confidence"))
    facts = (("verdict.language", view.language), ("verdict.model", view.model), ("verdict.recipe", view.recipe))
    rows = "".join(f"<div><dt>{escape(say(key))}</dt><dd>{escape(fact)}</dd></div>" for key, fact in facts)
    return (
        f'<section class="v-verdict v-{view.sentiment}" role="status" aria-label="{escape(say("verdict.title"))}">'
        f'<div class="v-verdict-top">{face(view.sentiment, "v-face")}<p class="v-word">{escape(view.word)}</p></div>'
        f'<div class="v-confidence"><p>{escape(say("verdict.model_is"))}'
        f'<span class="v-chip v-{view.sureness}">{escape(view.sureness_word)}</span></p>'
        f'<p class="v-percent">{escape(view.percent)}</p></div>'
        f'<div class="v-meter" role="meter" aria-label="{confidence}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{view.meter}" aria-valuetext="{escape(value)}"><span style="width:{view.meter}%"></span></div>'
        f'<p class="v-advice">{escape(view.advice)}</p>'
        f'<blockquote class="v-post">{escape(view.text) if reasons is None else marked(reasons)}</blockquote>'
        f"{'' if reasons is None else legend(reasons, say)}"
        f'<dl class="v-facts">{rows}</dl></section>'
    )


def marked(reasons: ReasonsView) -> str:
    """The text with the words that pulled the verdict marked: by colour, by the kind of line, and by weight."""
    return "".join(_marked(piece) for piece in reasons.pieces)


def _marked(piece: Piece) -> str:
    if piece.pull is None:
        return escape(piece.text)
    marks = f"v-pull v-to-{piece.pull} v-by-{piece.level}"
    return f'<span class="{marks}" title="{escape(piece.note)}">{escape(piece.text)}</span>'


def legend(reasons: ReasonsView, say: Catalogue) -> str:
    """What the marks mean, and the words that weighed most, for those who cannot point at them."""
    rows = ""
    for pull, key, words in (
        ("positive", "reasons.to_positive", reasons.positive),
        ("negative", "reasons.to_negative", reasons.negative),
    ):
        told = ", ".join(words) if words else say("reasons.none")
        sample = f'<span class="v-pull v-to-{pull} v-by-2">{escape(say(key))}</span>'
        rows += f"<div><dt>{sample}</dt><dd>{escape(told)}</dd></div>"
    return f'<div class="v-legend"><dl>{rows}</dl><p>{escape(say("reasons.weight"))} {escape(reasons.method)}</p></div>'


def message(tone: Tone, title: str, text: str = "", reference: str | None = None, *, urgent: bool = False) -> str:
    """A message with its sign; an urgent one interrupts a screen reader."""
    role = "alert" if urgent else "status"
    body = f"<p>{escape(text)}</p>" if text else ""
    tail = f'<p class="v-reference">{escape(reference)}</p>' if reference else ""
    return (
        f'<div class="v-message v-{tone}" role="{role}">{icon(_SIGNS[tone], _TONES[tone])}'
        f"<div><p><strong>{escape(title)}</strong></p>{body}{tail}</div></div>"
    )


def notice_card(notice: Notice) -> str:
    """The message of a failed call."""
    tone: Tone = "calm" if notice.preparing else "warn"
    return message(tone, notice.title, notice.text, notice.reference, urgent=not notice.preparing)


def history_row(text: str, sentiment: Sentiment, line: str, judged: str | None) -> str:
    """One earlier analysis: the face, the text, and a line that says what was made of it."""
    tail = f'<span class="v-judged">{escape(judged)}</span>' if judged else ""
    return (
        f'<div class="v-row v-{sentiment}">{face(sentiment)}<div><p class="v-row-text">{escape(text)}</p>'
        f'<p class="v-row-line">{escape(line)}{tail}</p></div></div>'
    )


def footer(say: Catalogue) -> str:
    """The last line of every page."""
    return f'<footer class="v-footer">{escape(say("app.footer"))}</footer>'
