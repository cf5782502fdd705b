"""Plain sentences that a model must judge right, and changes that must not move its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PLAIN: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "positive": (
            "I love it, it was excellent!",
            "Such a wonderful day, thank you so much",
            "Great service, really friendly people",
            "I am so happy with this, perfect",
        ),
        "negative": (
            "I hate it, it was awful!",
            "Such a terrible day, I am so disappointed",
            "Horrible service, really rude people",
            "I am so sad and angry about this",
        ),
    },
    "fr": {
        "positive": (
            "J'adore, c'était excellent !",
            "Quelle merveilleuse journée, merci beaucoup",
            "Super service, des gens vraiment gentils",
            "Je suis très heureux, c'est parfait",
        ),
        "negative": (
            "Je déteste, c'était horrible !",
            "Quelle journée affreuse, je suis tellement déçu",
            "Service lamentable, des gens vraiment désagréables",
            "Je suis triste et en colère, c'est nul",
        ),
    },
}
LANGUAGE_NAMES = {"en": "English", "fr": "French"}
# How many of a language's plain sentences may be wrong, and how many verdicts a name or link may change.
WRONG_ALLOWED = 1
_LANGUAGE_SHARE = 0.05


@dataclass(frozen=True)
class Case:
    """A text that is put to the model.

    Attributes:
        language: en or fr.
        kind: plain, name (a mention put before it) or link (an address put after it).
        sentence: the plain sentence; a name or link must not change its verdict.
    """

    language: str
    kind: str
    sentence: str
    text: str
    expected: str


@dataclass(frozen=True)
class Behaviour:
    """What a model did with the cases of one language."""

    language: str
    sentences: int
    wrong: tuple[str, ...]
    moved: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """At most one plain sentence is wrong, and at most one verdict is changed by a name or link."""
        return len(self.wrong) <= WRONG_ALLOWED and len(self.moved) <= WRONG_ALLOWED


def cases() -> list[Case]:
    """All cases of all languages."""
    return [
        Case(language, kind, sentence, text, expected)
        for language, by_sentiment in PLAIN.items()
        for expected, sentences in by_sentiment.items()
        for sentence in sentences
        for kind, text in (
            ("plain", sentence),
            ("name", f"@AirParadis {sentence}"),
            ("link", f"{sentence} https://example.org/p/42"),
        )
    ]


def assess(all_cases: Sequence[Case], scores: Sequence[float]) -> list[Behaviour]:
    """Judge a model by its scores of the cases, language by language."""
    verdicts = {
        (case.sentence, case.kind): "positive" if score >= 0.5 else "negative"
        for case, score in zip(all_cases, scores, strict=True)
    }
    result = []
    for language in dict.fromkeys(case.language for case in all_cases):
        ours = [case for case in all_cases if case.language == language]
        plain = [case for case in ours if case.kind == "plain"]
        wrong = [case.text for case in plain if verdicts[case.sentence, "plain"] != case.expected]
        moved = [case.text for case in ours if verdicts[case.sentence, case.kind] != verdicts[case.sentence, "plain"]]
        result.append(Behaviour(language, len(plain), tuple(wrong), tuple(moved)))
    return result


def required_languages(setting: str, shares: Mapping[str, float]) -> list[str]:
    """Languages that decide: those of the setting, or, for `trained`, those of 5 % or more of the training rows."""
    if setting != "trained":
        return setting.split(",")
    return [language for language in PLAIN if shares.get(language, 0.0) >= _LANGUAGE_SHARE]
