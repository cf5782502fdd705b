"""HTML of the page of alerts. What people wrote goes through `escape`."""

from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Final

from vigie_ui.alert_answers import Alert, Email, Evidence, WrongVerdict
from vigie_ui.i18n import Catalogue
from vigie_ui.markup import icon
from vigie_ui.review_markup import arrow

Clock = Callable[[datetime], str]
"""Says when something happened, in the reader's time zone."""

KIND_KEYS: Final = {
    "misprediction": "alert.misprediction",
    "drift": "alert.drift",
    "surge": "alert.surge",
    "operations": "alert.operations",
}
SURGE_KEYS: Final = {
    "watch": "episode.title_watch",
    "serious": "episode.title_serious",
    "critical": "episode.title_critical",
}
MEASURE_KEYS: Final = {
    "score": "drift.score",
    "length": "drift.length",
    "language": "drift.language",
    "vocabulary": "drift.vocabulary",
}
NOBODY: Final = "embedded"
"""The caller's name where the service runs without keys."""
EMAIL_KEYS: Final = {
    "waiting": "alert.email_waiting",
    "failed": "alert.email_failed",
    "off": "alert.email_off",
}
_BELL: Final = '<path d="M12 7.500v5.500M12 16.300v.1"/>'
_TICK: Final = '<path d="m8 12.500 2.800 2.800L16.200 9.500"/>'


def card(alert: Alert, clock: Clock, say: Catalogue, *, opened: bool) -> str:
    """One alert: what happened, when, to which model, what it rests on, its e-mail, and who has it in hand."""
    sign = icon(_BELL, "negative", "v-icon") if alert.open else icon(_TICK, "positive", "v-icon")
    state = say("alert.open") if alert.open else say("alert.acknowledged")
    facts = [clock(alert.opened_at)]
    if alert.model_version:
        facts.append(say("alert.model", version=alert.model_version))
    basis = alert.basis
    if basis.negatives is not None and basis.expected is not None:
        usual = amount(basis.expected, say)
        facts.append(say("episode.against", negatives=say.number(basis.negatives), expected=usual))
    if basis.onset_at is not None:
        facts.append(say("alert.onset", when=clock(basis.onset_at)))
    facts += [_email(email, clock, say) for email in alert.emails]
    line = " · ".join(escape(fact) for fact in facts)
    return (
        f'<section class="v-alert {"v-isopen" if alert.open else "v-isclosed"}">'
        f'<div class="v-alert-head">{sign}'
        f'<div><h3>{escape(title(alert, say))}</h3><p class="v-row-line">{line}</p></div>'
        f'<span class="v-state">{escape(state)}</span></div>'
        f"{_in_hand(alert, clock, say)}{_evidence(alert.basis, clock, say, opened=opened)}</section>"
    )


def title(alert: Alert, say: Catalogue) -> str:
    """What happened, in one line."""
    if alert.kind == "misprediction":
        return say.plural("alert.wrong", alert.count)
    if alert.kind == "drift" and alert.basis.day:
        return say("alert.drift_on", day=say.day(alert.basis.day))
    basis = alert.basis
    if alert.kind == "surge" and basis.topic:
        return say(SURGE_KEYS.get(basis.severity or "", "episode.title_watch"), topic=basis.topic)
    return say(KIND_KEYS.get(alert.kind, "alert.other"))


def amount(value: float, say: Catalogue) -> str:
    """A number that is usual: whole when it is large, with one decimal when that says more."""
    return say.number(round(value)) if value >= 10 or value == round(value) else say.decimal(value, 1)


def _email(email: Email, clock: Clock, say: Catalogue) -> str:
    if email.state == "sent" and email.sent_at is not None:
        return say("alert.email_sent", when=clock(email.sent_at))
    return say(EMAIL_KEYS.get(email.state, "alert.email_waiting"))


def signed(keys: tuple[str, str], who: str | None, when: str, say: Catalogue) -> str:
    """Who did it and when; only when, where the service has no keys and so knows nobody by name."""
    named, nameless = keys
    return say(nameless, when=when) if who in (None, NOBODY) else say(named, who=who, when=when)


def _in_hand(alert: Alert, clock: Clock, say: Catalogue) -> str:
    if alert.acknowledged_at is None:
        return ""
    who = signed(("alert.by", "alert.by_someone"), alert.acknowledged_by, clock(alert.acknowledged_at), say)
    note = f"<p>{escape(alert.note)}</p>" if alert.note else ""
    return f'<div class="v-inhand"><p class="v-row-line">{escape(who)}</p>{note}</div>'


def _evidence(basis: Evidence, clock: Clock, say: Catalogue, *, opened: bool) -> str:
    rows = "".join(_wrong(verdict, clock, say) for verdict in basis.verdicts)
    for measure in basis.measures:
        name = say(MEASURE_KEYS[measure.name]) if measure.name in MEASURE_KEYS else measure.name
        value = say("alert.measure", value=say.decimal(measure.value, 2))
        if measure.threshold is not None:
            limit = say.decimal(measure.threshold, 2)
            value = say("alert.measure_over", value=say.decimal(measure.value, 2), limit=limit)
        rows += f'<li><p>{escape(name)}</p><p class="v-row-line">{escape(value)}</p></li>'
    if not rows:
        return ""
    summary = say("alert.evidence") if basis.measures else say.plural("alert.tweets", len(basis.verdicts))
    flag = " open" if opened else ""
    return f'<details class="v-evidence"{flag}><summary>{escape(summary)}</summary><ul>{rows}</ul></details>'


def _wrong(verdict: WrongVerdict, clock: Clock, say: Catalogue) -> str:
    text = escape(verdict.text) if verdict.text else f"<em>{escape(say('alert.deleted'))}</em>"
    facts = [clock(verdict.received_at)]
    if verdict.model_version:
        facts.append(say("alert.model", version=verdict.model_version))
    if verdict.taken_back:
        facts.append(say("alert.taken_back"))
    line = escape(" · ".join(facts))
    return (
        f'<li class="{"v-gone" if verdict.taken_back else ""}"><p class="v-alert-text">{text}</p>'
        f'<p class="v-row-line">{arrow(verdict.sentiment, verdict.correction, say)}{line}</p></li>'
    )
