"""HTML of what live traffic says of the models: the shadow, the drift, and the trail of moves."""

from html import escape
from typing import Final

from vigie_ui.alert_markup import MEASURE_KEYS, Clock, signed
from vigie_ui.i18n import Catalogue
from vigie_ui.markup import message, quiet
from vigie_ui.watch_answers import Drift, DriftDay, Latency, Measure, ModelMove, Shadow, Thresholds

STATE_KEYS: Final = {
    "ok": ("drift.ok", "drift.ok_note"),
    "warning": ("drift.warning", "drift.warning_note"),
    "alert": ("drift.alert", "drift.alert_note"),
    "few": ("drift.few", "drift.few_note"),
}
FEW_SCORED: Final = 100
TOP: Final = 1.5
"""A column is full at so many times the threshold of an alert."""


def shadow(found: Shadow, clock: Clock, say: Catalogue) -> str:
    """How the challenger does on live traffic, without answering anybody."""
    if found.error:
        return message("warn", say("shadow.error_title", version=found.version), say("shadow.error_text"))
    if not found.scored:
        note = say("shadow.none", version=found.version, sample=say.percent(found.sample))
        return message("calm", say("shadow.none_title"), note)
    figures = [(say.number(found.scored), say("shadow.scored"), say("shadow.sample", sample=say.percent(found.sample)))]
    if found.agreement is not None:
        few = say("shadow.few") if found.scored < FEW_SCORED else say("shadow.agreement_note")
        figures.append((say.percent(found.agreement), say("shadow.agreement"), few))
    if found.mean_shift is not None:
        figures.append((_points(found.mean_shift, say), say("shadow.shift"), _leaning(found.mean_shift, say)))
    told = _latency(found.latency_ms.challenger, say)
    if told is not None:
        other = _latency(found.latency_ms.champion, say) or say("shadow.unknown")
        figures.append((told, say("shadow.latency"), say("shadow.latency_note", champion=other)))
    cards = "".join(
        f'<div class="v-figure-card"><p class="v-label">{escape(name)}</p><p class="v-score">{escape(value)}</p>'
        f'<p class="v-role-note">{escape(note)}</p></div>'
        for value, name, note in figures
    )
    since = say("shadow.since", version=found.version, recipe=found.recipe)
    if found.since is not None:
        since = say("shadow.since_when", version=found.version, recipe=found.recipe, when=clock(found.since))
    dropped = f" {say.plural('shadow.dropped', found.dropped)}" if found.dropped else ""
    return f'<p class="v-role-note">{escape(since + dropped)}</p><div class="v-figures">{cards}</div>'


def _points(shift: float, say: Catalogue) -> str:
    return say("shadow.points", value=say.signed(shift * 100))


def _leaning(shift: float, say: Catalogue) -> str:
    if abs(shift) < 0.01:
        return say("shadow.same")
    return say("shadow.kinder" if shift > 0 else "shadow.harsher")


def _latency(found: Latency, say: Catalogue) -> str | None:
    return None if found.p50 is None else say("shadow.ms", value=say.decimal(found.p50, 1))


def drift(found: Drift, say: Catalogue) -> str:
    """A column a day, and what the last day that counts is made of."""
    if not found.reference:
        return quiet(say("drift.no_reference"))
    days = sorted(found.days, key=lambda day: day.day)
    if not days:
        return quiet(say("drift.no_day"))
    columns = "".join(_column(day, found.thresholds, say) for day in days)
    last = next((day for day in reversed(days) if day.measures and day.state != "few"), None)
    detail = _detail(last, found.thresholds, say) if last else quiet(say("drift.few_note"))
    limit = f"bottom:calc(1.5rem + (100% - 1.5rem) * {1 / TOP:.3f})"
    return (
        f'<div class="v-drift"><ol class="v-columns"><li class="v-limit" aria-hidden="true" style="{limit}">'
        f"<span>{escape(say('drift.limit'))}</span></li>{columns}</ol>"
        f"{_legend(days, say)}</div>{detail}"
    )


def _legend(days: list[DriftDay], say: Catalogue) -> str:
    seen = [state for state in STATE_KEYS if any(day.state == state for day in days)]
    items = "".join(f'<span><i class="v-is-{state}"></i>{escape(say(STATE_KEYS[state][0]))}</span>' for state in seen)
    return f'<p class="v-key">{items}</p>'


def _column(day: DriftDay, thresholds: Thresholds, say: Catalogue) -> str:
    state = day.state if day.state in STATE_KEYS else "few"
    worst = max((_against(one, thresholds) for one in day.measures), default=0.0)
    height = 0.0 if state == "few" else min(1.0, worst / TOP) * 100
    when = say.day(day.day)
    told = say("drift.day", day=when, state=say(STATE_KEYS[state][0]), count=say.number(day.predictions))
    return (
        f'<li title="{escape(told)}"><span class="v-hidden">{escape(told)}</span>'
        f'<span class="v-column" aria-hidden="true"><i class="v-is-{state}" style="height:{max(height, 3):.1f}%"></i>'
        f'</span><span class="v-tick" aria-hidden="true">{escape(day.day[8:10].lstrip("0"))}</span></li>'
    )


def _against(one: Measure, thresholds: Thresholds) -> float:
    """A measure against the threshold of an alert: 1 is one."""
    return one.value / thresholds.alert if thresholds.alert > 0 else 0.0


def _detail(day: DriftDay, thresholds: Thresholds, say: Catalogue) -> str:
    state = day.state if day.state in STATE_KEYS else "few"
    rows = "".join(_measure(one, thresholds, say) for one in day.measures)
    head = say("drift.on", day=say.day(day.day), count=say.number(day.predictions))
    return (
        f'<div class="v-drift-day"><p><strong>{escape(head)}</strong> {escape(say(STATE_KEYS[state][1]))}</p>'
        f'<ul class="v-shares">{rows}</ul></div>'
    )


def _measure(one: Measure, thresholds: Thresholds, say: Catalogue) -> str:
    name = say(MEASURE_KEYS[one.name]) if one.name in MEASURE_KEYS else one.name
    state = one.state if one.state in STATE_KEYS else "few"
    width = min(1.0, _against(one, thresholds) / TOP) * 100
    return (
        f"<li><p>{escape(name)}</p>"
        f'<div class="v-bar" aria-hidden="true"><span class="v-is-{state}" style="width:{width:.1f}%"></span></div>'
        f"<p>{escape(say(STATE_KEYS[state][0]))} <span>{escape(say.decimal(one.value, 2))}</span></p></li>"
    )


def trail(moves: tuple[ModelMove, ...], clock: Clock, say: Catalogue) -> str:
    """Who let which version serve, when and why."""
    return f'<ul class="v-trail">{"".join(_move(move, clock, say) for move in moves)}</ul>'


def _move(move: ModelMove, clock: Clock, say: Catalogue) -> str:
    words = "trail.rollback" if move.action == "rollback" else "trail.promote"
    head = say(words, version=move.version, recipe=move.recipe)
    who = signed(("trail.by", "trail.by_someone"), move.by, clock(move.at), say)
    before = f" · {say('trail.before', version=move.previous)}" if move.previous else ""
    reason = f"<p>{escape(move.reason)}</p>" if move.reason else ""
    return f'<li><p><strong>{escape(head)}</strong></p><p class="v-row-line">{escape(who + before)}</p>{reason}</li>'
