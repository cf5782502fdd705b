"""The gate's report as one HTML file that a manager can read: verdict, bars, rules, corrections, examples."""

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from vigie_trainer.gate.behaviour import LANGUAGE_NAMES, NEEDED, Behaviour
from vigie_trainer.gate.paired import Comparison

if TYPE_CHECKING:
    from vigie_trainer.gate.runner import Judged
    from vigie_trainer.tracking.versions import Version

_CATEGORIES = {
    "plain": "plain sentences",
    "airline": "posts about an airline",
    "name": "a name changes nothing",
    "link": "a link changes nothing",
    "typo": "typos change nothing",
    "negation": "denials are understood",
    "intensifier": "stronger words count",
}


def page(judged: "Judged", challenger: "Version", champion: "Version | None") -> str:
    """The whole page: no script, no file beside it, nothing fetched."""
    from jinja2 import Environment

    from vigie_trainer.retraining.corrections import REASONS

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "signed": signed, "instant": instant}
    template = (files("vigie_trainer") / "gate" / "page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        gate=judged.gate,
        failed=[check for check in judged.gate.checks if check.passed is False],
        kept=[check for check in judged.gate.checks if check.passed is True],
        notes=[check for check in judged.gate.checks if check.passed is None],
        challenger=challenger,
        champion=champion,
        pairs=_pairs(judged.held_out, judged.corrections),
        told=judged.told,
        set_aside=_words(judged.told.get("set_aside", {}), REASONS),
        behaviours=[_behaviour(one, one.language in judged.gate.decisive) for one in judged.gate.behaviours],
        groups=[
            {
                "fixed": fixed,
                "corrected": corrected,
                "rows": [one for one in judged.examples if (one.fixed, one.corrected) == (fixed, corrected)],
            }
            for corrected in (True, False)
            for fixed in (True, False)
        ],
    )


def percent(value: float, digits: int = 1) -> str:
    """A share for people: 76.8 %."""
    return f"{100 * value:.{digits}f} %"


def signed(value: float) -> str:
    """A difference of shares in percentage points, with its sign: +1.2."""
    return f"{100 * value:+.1f}"


def instant(text: str | None) -> str:
    """An RFC 3339 time to the minute; a dash when there is none."""
    return text.replace("T", " ")[:16] + " UTC" if text else "–"


def _pairs(held_out: Comparison | None, corrections: Comparison | None) -> list[dict[str, Any]]:
    """The two models on each set of rows, for the bars."""
    titled = (("Fixed held-out posts", held_out), ("Newest corrections, held out", corrections))
    return [{"title": title, "found": found} for title, found in titled if found is not None]


def _words(counts: Mapping[str, int], reasons: Mapping[str, str]) -> list[tuple[str, int]]:
    return [(reasons.get(reason, reason), count) for reason, count in counts.items()]


def _behaviour(one: Behaviour, decides: bool) -> dict[str, Any]:
    return {
        "category": _CATEGORIES.get(one.category, one.category),
        "language": LANGUAGE_NAMES[one.language],
        "right": one.right,
        "total": one.total,
        "needed": NEEDED[one.category],
        "kept": one.kept,
        "decides": decides,
    }
