"""What the page says of a failed call."""

from dataclasses import dataclass
from typing import Final

from vigie_ui.client import MAX_TEXT_CHARS, ApiError, Reason
from vigie_ui.i18n import Catalogue

KEYS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.AWAY: ("error.away.title", "error.away.text"),
    Reason.NO_MODEL: ("error.no_model.title", "error.no_model.text"),
    Reason.UNAVAILABLE: ("error.unavailable.title", "error.unavailable.text"),
    Reason.BUSY: ("error.busy.title", "error.busy.text"),
    Reason.EMPTY: ("error.empty.title", "error.empty.text"),
    Reason.LONG: ("error.long.title", "error.long.text"),
    Reason.UNREADABLE: ("error.unreadable.title", "error.unreadable.text"),
    Reason.REFUSED: ("error.refused.title", "error.refused.text"),
    Reason.NO_VERSION: ("error.no_version.title", "error.no_version.text"),
    Reason.MISSING: ("error.unexpected.title", "error.unexpected.text"),
    Reason.CONFLICT: ("error.unexpected.title", "error.unexpected.text"),
    Reason.UNEXPECTED: ("error.unexpected.title", "error.unexpected.text"),
}

# What happened is in the logs alone.
OBSCURE: Final = frozenset({Reason.MISSING, Reason.CONFLICT, Reason.UNEXPECTED})

# What the visitor can mend needs no retry button beside the box.
VISITORS_OWN: Final = frozenset({Reason.EMPTY, Reason.LONG, Reason.UNREADABLE, Reason.NO_VERSION})


@dataclass(frozen=True, slots=True)
class Notice:
    """A failure in the reader's words: what happened, what to do, and what to quote when asking for help."""

    title: str
    text: str
    reference: str | None
    offers_retry: bool
    preparing: bool


def notice_of(error: ApiError, say: Catalogue) -> Notice:
    """The notice of one failed call."""
    title, text = KEYS[error.reason]
    shown = error.request_id if error.reason in OBSCURE else None
    return Notice(
        title=say(title),
        text=say(text, limit=say.number(MAX_TEXT_CHARS)),
        reference=say("error.reference", request_id=shown) if shown else None,
        offers_retry=error.reason not in VISITORS_OWN,
        preparing=error.reason is Reason.NO_MODEL,
    )


def trouble(error: ApiError, say: Catalogue) -> Notice:
    """The notice of a page that cannot show what it is for."""
    if error.reason is Reason.REFUSED:
        title, text = "trouble.refused_title", "trouble.refused_text"
    elif error.passing:
        title, text = "trouble.away_title", "trouble.away_text"
    else:
        title, text = "trouble.failed_title", "trouble.failed_text"
    shown = error.request_id if error.reason in OBSCURE else None
    return Notice(
        title=say(title),
        text=say(text),
        reference=say("error.reference", request_id=shown) if shown else None,
        offers_retry=error.reason is not Reason.REFUSED,
        preparing=False,
    )
