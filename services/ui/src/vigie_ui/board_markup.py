"""HTML of the page Models. What came from outside goes through `escape`."""

from html import escape
from typing import Final

from vigie_ui.answers import Behaviour, ModelVersion, Roc
from vigie_ui.board import (
    CATEGORY_KEYS,
    ROLE_KEYS,
    Role,
    Score,
    gate_details,
    gate_lines,
    how_key,
    role_of,
    score_of,
)
from vigie_ui.i18n import Catalogue
from vigie_ui.markup import icon, picture
from vigie_ui.palette import COLOURS
from vigie_ui.verdict import LANGUAGE_KEYS

CHANCE: Final = 0.5
_TICK: Final = '<path d="m8 12.500 2.800 2.800L16.200 9.500"/>'
_CROSS: Final = '<path d="m9 9 6 6m0-6-6 6"/>'
_DASH: Final = '<path d="M8 12h8"/>'


def role_card(role: Role, model: ModelVersion | None, say: Catalogue) -> str:
    """A role, and who has it."""
    name, note = ROLE_KEYS[role]
    head = f'<h3 class="v-role">{escape(say(name))}</h3><p class="v-role-note">{escape(say(note))}</p>'
    if model is None:
        return (
            f'<section class="v-model v-vacant">{head}<p class="v-nobody">{escape(say("models.nobody"))}</p></section>'
        )
    score = score_of(model)
    shown = ""
    if score is not None:
        shown = (
            f'<p class="v-score">{escape(say.share(score.value))}</p>'
            f'<p class="v-role-note">{escape(say("models.right", rows=say.number(score.rows)))}</p>'
        )
    return (
        f'<section class="v-model v-{role}">{head}'
        f'<p class="v-recipe"><strong>{escape(model.recipe)}</strong> · '
        f"{escape(say('models.version', version=model.version))}</p>{shown}{_how(model, say)}</section>"
    )


def _how(model: ModelVersion, say: Catalogue) -> str:
    key = how_key(model.recipe)
    return f'<p class="v-how">{escape(say(key))}</p>' if key else ""


def ranking(rows: list[tuple[ModelVersion, Score | None]], say: Catalogue) -> str:
    """The versions from best to worst, each with its bar and the interval that chance leaves."""
    return f'<ol class="v-ranking">{"".join(_rank(model, score, say) for model, score in rows)}</ol>'


def _rank(model: ModelVersion, score: Score | None, say: Catalogue) -> str:
    role = role_of(model)
    chip = f'<span class="v-tag">{escape(say(ROLE_KEYS[role][0]))}</span>' if role else ""
    if not role and not model.passed:
        words = say("models.not_passed" if model.gate else "models.unjudged")
        chip = f'<span class="v-tag v-refused">{escape(words)}</span>'
    head = (
        f'<p class="v-rank-name"><strong>{escape(model.recipe)}</strong> '
        f"<span>{escape(say('models.version', version=model.version))}</span>{chip}</p>"
    )
    if score is None:
        return f'<li class="v-rank">{head}<p class="v-rank-value">{escape(say("models.unmeasured"))}</p></li>'
    between = say("models.between", low=say.decimal(score.low * 100, 1), high=say.share(score.high))
    left, right = _along(score.low), _along(score.high)
    return (
        f'<li class="v-rank{" v-serving" if role == "champion" else ""}">{head}'
        f'<div class="v-bar" aria-hidden="true"><span style="width:{_along(score.value):.1f}%"></span>'
        f'<i style="left:{left:.1f}%;width:{right - left:.1f}%"></i></div>'
        f'<p class="v-rank-value"><strong>{escape(say.share(score.value))}</strong> '
        f"<span>{escape(between)}</span></p></li>"
    )


def _along(share: float) -> float:
    """Where a share stands on a bar that begins at chance, in per cent of its width."""
    return max(0.0, (share - CHANCE) / (1 - CHANCE)) * 100


def gate_card(model: ModelVersion, say: Catalogue) -> str:
    """What the gate thinks of a version."""
    if not model.gate:
        verdict = f'<p class="v-gate-verdict">{_mark(None)}{escape(say("gate.unjudged"))}</p>'
    else:
        key = "gate.passed" if model.passed else "gate.failed"
        verdict = f'<p class="v-gate-verdict">{_mark(model.passed)}<strong>{escape(say(key))}</strong></p>'
    lines = "".join(
        f"<li>{_mark(line.passed)}<span>{escape(line.words)}"
        f'<span class="v-hidden">: {escape(say("gate.yes" if line.passed else "gate.no"))}</span></span></li>'
        for line in gate_lines(model.gate_checks or (), say)
    )
    details = "".join(f"<li>{escape(detail)}</li>" for detail in gate_details(model))
    fold = f"<details><summary>{escape(say('gate.details'))}</summary><ul>{details}</ul></details>" if details else ""
    return f'<div class="v-gate">{verdict}{f"<ul>{lines}</ul>" if lines else ""}{fold}</div>'


def _mark(passed: bool | None) -> str:
    if passed is None:
        return icon(_DASH, "muted", "v-mark")
    return icon(_TICK, "positive", "v-mark") if passed else icon(_CROSS, "negative", "v-mark")


def confusion(matrix: tuple[tuple[int, int], tuple[int, int]] | None, say: Catalogue) -> str:
    """How many tweets of each kind were recognised, and how many taken for the other."""
    if matrix is None:
        return _missing(say)
    rows = ""
    for truth, counts in zip(("negative", "positive"), matrix, strict=True):
        total = sum(counts) or 1
        cells = "".join(
            f'<td class="{"v-hit" if said == truth else "v-miss"}">'
            f"<strong>{escape(say.percent(count / total))}</strong><span>{escape(say.number(count))}</span></td>"
            for said, count in zip(("negative", "positive"), counts, strict=True)
        )
        word = "confusion.negative" if truth == "negative" else "confusion.positive"
        rows += f'<tr><th scope="row">{escape(say(word))}</th>{cells}</tr>'
    return (
        f'<table class="v-confusion"><thead><tr><th><span class="v-hidden">{escape(say("confusion.truth"))}</span></th>'
        f'<th scope="col">{escape(say("confusion.said_negative"))}</th>'
        f'<th scope="col">{escape(say("confusion.said_positive"))}</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def roc(curve: Roc | None, area: float | None, say: Catalogue) -> str:
    """The ROC curve, and the area under it."""
    if curve is None:
        return _missing(say)
    points = " ".join(
        f"{30 + 160 * x:.1f},{170 - 160 * y:.1f}"
        for x, y in zip(curve.false_positive_rate, curve.true_positive_rate, strict=False)
    )
    text = f'font-family="sans-serif" font-size="9" fill="{COLOURS["muted"]}"'
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200">'
        f'<rect x="30" y="10" width="160" height="160" fill="{COLOURS["card"]}" stroke="{COLOURS["line"]}"/>'
        f'<polygon points="30,170 {points} 190,170" fill="{COLOURS["sky-soft"]}"/>'
        f'<path d="M30 170 190 10" stroke="{COLOURS["edge"]}" stroke-dasharray="3 4" fill="none"/>'
        f'<polyline points="{points}" fill="none" stroke="{COLOURS["sky"]}" stroke-width="2.500" '
        'stroke-linejoin="round"/>'
        f'<text x="110" y="190" text-anchor="middle" {text}>{escape(say("roc.x"))}</text>'
        f'<text transform="translate(20 90) rotate(-90)" text-anchor="middle" {text}>{escape(say("roc.y"))}</text>'
        "</svg>"
    )
    told = "" if area is None else say("roc.area", area=say.decimal(area, 2))
    image = picture(svg, "v-roc").replace('alt=""', f'alt="{escape(say("roc.alt"))}"', 1)
    return f'<figure class="v-figure">{image}<figcaption>{escape(told)}</figcaption></figure>'


def behaviour(found: dict[str, dict[str, Behaviour]] | None, say: Catalogue) -> str:
    """How many control sentences of each kind a version does right, by language."""
    if not found:
        return _missing(say)
    languages = list(dict.fromkeys(language for by_language in found.values() for language in by_language))
    heads = "".join(f'<th scope="col">{escape(_language(one, say))}</th>' for one in languages)
    rows = "".join(_category(name, by_language, languages, say) for name, by_language in found.items())
    return (
        f'<table class="v-behaviour"><thead><tr><th><span class="v-hidden">{escape(say("behaviour.kind"))}</span></th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _category(name: str, by_language: dict[str, Behaviour], languages: list[str], say: Catalogue) -> str:
    keys = CATEGORY_KEYS.get(name)
    words, note = (say(keys[0]), f"<span>{escape(say(keys[1]))}</span>") if keys else (name, "")
    cells = ""
    for language in languages:
        one = by_language.get(language)
        if one is None:
            cells += "<td></td>"
            continue
        told = escape(say("gate.yes" if one.kept else "gate.no"))
        cells += (
            f'<td class="{"v-hit" if one.kept else "v-miss"}">{_mark(one.kept)}'
            f"<strong>{one.passed}/{one.total}</strong>"
            f'<span class="v-hidden">{told}</span></td>'
        )
    return f'<tr><th scope="row">{escape(words)}{note}</th>{cells}</tr>'


def _language(code: str, say: Catalogue) -> str:
    return say(LANGUAGE_KEYS[code]) if code in LANGUAGE_KEYS else code


def _missing(say: Catalogue) -> str:
    return f'<p class="v-missing">{escape(say("models.missing"))}</p>'


def part(title: str, note: str = "") -> str:
    """The title of a part of a version's sheet, and what it means."""
    tail = f"<p>{escape(note)}</p>" if note else ""
    return f'<div class="v-part"><h3>{escape(title)}</h3>{tail}</div>'


def agreement(same: bool, say: Catalogue) -> str:
    """Whether two models say the same of a text."""
    words = say("compare.agree" if same else "compare.disagree")
    return f'<p class="v-agreement {"" if same else "v-split"}" role="status">{escape(words)}</p>'
