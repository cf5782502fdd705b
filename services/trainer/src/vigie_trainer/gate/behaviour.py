"""What a model must judge right, what must not move its verdict, and which way a changed word must move its score.

Categories after Ribeiro et al., "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList" (2020): minimum
functionality (plain, airline), invariance (name, link, typo), direction (negation, intensifier).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

LANGUAGE_NAMES = {"en": "English", "fr": "French"}
# Share of the cases of a category and language that a model must pass.
NEEDED = {
    "plain": 0.9,
    "airline": 0.75,
    "name": 0.9,
    "link": 0.9,
    "typo": 0.75,
    "negation": 0.5,  # words and pairs of words alone get "not good" right, and hardly ever "not bad"
    "intensifier": 0.6,
}
MOVE = 0.1
"""A denied sentence must move the score by so much, or turn the verdict."""
TOLERANCE = 0.05
"""A stronger word may take so much of the score away."""
_LANGUAGE_SHARE = 0.05
_NAME, _LINK = "@AirParadis {}", "{} https://example.org/p/42"


@dataclass(frozen=True)
class Case:
    """One thing that is put to the model.

    Attributes:
        category: one of NEEDED.
        language: en or fr.
        base: the sentence that `text` was made from; the same, where the text itself is judged.
        expected: the sentiment of the base.
    """

    category: str
    language: str
    base: str
    text: str
    expected: str


@dataclass(frozen=True)
class Behaviour:
    """What a model did with the cases of one category and language.

    Attributes:
        failures: the texts that it failed on.
    """

    category: str
    language: str
    total: int
    failures: tuple[str, ...]

    @property
    def right(self) -> int:
        """How many cases it passed."""
        return self.total - len(self.failures)

    @property
    def kept(self) -> bool:
        """Whether it passed the share that the category needs."""
        return self.right >= NEEDED[self.category] * self.total

    def document(self) -> dict[str, Any]:
        """What --json and gate.json show."""
        return {
            "passed": self.right,
            "total": self.total,
            "needed": NEEDED[self.category],
            "kept": self.kept,
            "failures": list(self.failures),
        }


@cache
def cases() -> tuple[Case, ...]:
    """All cases of all categories and languages."""
    document = yaml.safe_load((files("vigie_trainer") / "gate" / "sentences.yaml").read_text(encoding="utf-8"))
    found: list[Case] = []
    for language, by_category in document.items():
        for expected, pairs in by_category["plain"].items():
            for sentence, misspelt in pairs:
                found.append(Case("plain", language, sentence, sentence, expected))
                found.append(Case("name", language, sentence, _NAME.format(sentence), expected))
                found.append(Case("link", language, sentence, _LINK.format(sentence), expected))
                found.append(Case("typo", language, sentence, misspelt, expected))
        for expected, posts in by_category["airline"].items():
            found += [Case("airline", language, post, post, expected) for post in posts]
        for category in ("negation", "intensifier"):
            for expected, pairs in by_category[category].items():
                found += [Case(category, language, base, text, expected) for base, text in pairs]
    order = {category: place for place, category in enumerate(NEEDED)}
    return tuple(sorted(found, key=lambda case: (list(document).index(case.language), order[case.category])))


@cache
def texts() -> tuple[str, ...]:
    """Every text of the cases once: what a model is asked to score."""
    return tuple(dict.fromkeys(text for case in cases() for text in (case.base, case.text)))


def assess(scores: Sequence[float]) -> list[Behaviour]:
    """Judge a model by its scores of `texts()`, by language and category."""
    score_of = dict(zip(texts(), scores, strict=True))
    grouped: dict[tuple[str, str], list[Case]] = {}
    for case in cases():
        grouped.setdefault((case.language, case.category), []).append(case)
    return [
        Behaviour(
            category,
            language,
            len(ours),
            tuple(case.text for case in ours if not passes(case, score_of[case.base], score_of[case.text])),
        )
        for (language, category), ours in grouped.items()
    ]


def passes(case: Case, base: float, score: float) -> bool:
    """Whether a model passes a case.

    Args:
        base, score: its P(positive) of case.base and case.text.
    """
    if case.category in ("plain", "airline"):
        return _verdict(score) == case.expected
    if case.category in ("name", "link", "typo"):
        return _verdict(score) == _verdict(base)
    # How far the score went towards what the base says; denied, it must go the other way.
    towards = score - base if case.expected == "positive" else base - score
    if case.category == "intensifier":
        return towards >= -TOLERANCE
    turned = _verdict(base) == case.expected != _verdict(score)
    return turned or towards <= -MOVE


def required_languages(setting: str, shares: Mapping[str, float]) -> list[str]:
    """Languages that decide: those of the setting, or, for `trained`, those of 5 % or more of the training rows."""
    if setting != "trained":
        return setting.split(",")
    return [language for language in LANGUAGE_NAMES if shares.get(language, 0.0) >= _LANGUAGE_SHARE]


def _verdict(score: float) -> str:
    return "positive" if score >= 0.5 else "negative"
