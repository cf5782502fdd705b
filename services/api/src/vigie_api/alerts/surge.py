"""The words of an e-mail about a surge of negative posts: who, how bad, how many for how many usual, and of what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vigie_api.alerts.wording import Language, duration

_MOST_TERMS: Final = 5
_COLOURS: Final = {"watch": "#8a5a00", "serious": "#b3400e", "critical": "#b3261e"}
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "opened.watch": "{topic}\u00a0: un début de mauvais buzz",
        "opened.serious": "{topic}\u00a0: un mauvais buzz grave",
        "opened.critical": "{topic}\u00a0: un mauvais buzz critique",
        "escalated.watch": "{topic}\u00a0: le mauvais buzz continue",
        "escalated.serious": "{topic}\u00a0: le mauvais buzz devient grave",
        "escalated.critical": "{topic}\u00a0: le mauvais buzz devient critique",
        "lead": "{negatives} en {span}, quand il y en a {expected} d’habitude.",
        "one": "1 publication négative",
        "many": "{count} publications négatives",
        "none_usual": "moins d’une",
        "watch": "À surveiller",
        "watch.why": "les publications négatives sont nettement plus nombreuses que d’habitude, mais encore rares.",
        "serious": "Grave",
        "serious.why": "au plus fort, au moins quatre fois plus de publications négatives que d’habitude.",
        "critical": "Critique",
        "critical.why": "au plus fort, au moins huit fois plus de publications négatives que d’habitude.",
    },
    "en": {
        "opened.watch": "{topic}: the beginning of a bad buzz",
        "opened.serious": "{topic}: a serious bad buzz",
        "opened.critical": "{topic}: a critical bad buzz",
        "escalated.watch": "{topic}: the bad buzz goes on",
        "escalated.serious": "{topic}: the bad buzz turns serious",
        "escalated.critical": "{topic}: the bad buzz turns critical",
        "lead": "{negatives} in {span}, where {expected} usual.",
        "one": "1 negative post",
        "many": "{count} negative posts",
        "none_usual": "less than one is",
        "watch": "To watch",
        "watch.why": "clearly more negative posts than usual, but still few.",
        "serious": "Serious",
        "serious.why": "at its height at least four times as many negative posts as usual.",
        "critical": "Critical",
        "critical.why": "at its height at least eight times as many negative posts as usual.",
    },
}


@dataclass(frozen=True, slots=True)
class SurgeWords:
    """What the letter says, in its language."""

    title: str
    lead: str
    level: str
    why: str
    colour: str
    terms: tuple[str, ...]
    onset: datetime
    episode_id: str


def tells_surge(kind: str, evidence: Mapping[str, Any]) -> bool:
    """Whether an alert is about an episode."""
    return kind == "surge" and "episode_id" in evidence


def surge_words(evidence: Mapping[str, Any], topic: str, step: str, language: Language) -> SurgeWords:
    """The words about an episode. `topic` is its name, made harmless; `step` is the outbox's."""
    words = _WORDS[language]
    severity = evidence["severity"]
    onset, seen = (datetime.fromisoformat(evidence[name]) for name in ("onset_at", "seen_at"))
    happened = "escalated" if step.startswith("escalated") else "opened"
    negatives = int(evidence["negatives"])
    return SurgeWords(
        title=words[f"{happened}.{severity}"].format(topic=topic),
        lead=words["lead"].format(
            negatives=words["one"] if negatives == 1 else words["many"].format(count=negatives),
            span=duration((seen - onset).total_seconds(), language),
            expected=_usually(float(evidence["expected"]), language),
        ),
        level=words[severity],
        why=words[f"{severity}.why"],
        colour=_COLOURS[severity],
        terms=tuple(str(term) for term in evidence["terms"][:_MOST_TERMS]),
        onset=onset,
        episode_id=str(evidence["episode_id"]),
    )


def _usually(expected: float, language: Language) -> str:
    """How many are usual, in words that fit the lead: people count in whole posts."""
    count = round(expected)
    if count == 0:
        return _WORDS[language]["none_usual"]
    if language == "fr":
        return str(count)
    return f"{count} is" if count == 1 else f"{count} are"
