"""What the gate asks of a model's behaviour, by category."""

from collections import Counter

import pytest

from vigie_trainer.data.rows import text_key
from vigie_trainer.gate.behaviour import NEEDED, Case, assess, cases, passes, texts

FEWEST = {"plain": 12, "airline": 12, "negation": 12, "name": 8, "link": 8, "typo": 8, "intensifier": 8}


def scores_of(judge) -> list[float]:
    return [judge(text) for text in texts()]


def ideal() -> list[float]:
    """Scores of a model that passes everything."""
    wanted: dict[str, float] = {}
    for case in cases():
        positive = case.expected == "positive"
        wanted[case.base] = 0.8 if positive else 0.2
        if case.category == "negation":
            wanted[case.text] = 0.2 if positive else 0.8
        else:
            wanted.setdefault(case.text, 0.8 if positive else 0.2)
    return [wanted[text] for text in texts()]


def test_every_category_has_cases_enough_in_both_languages_and_both_sentiments() -> None:
    counts = Counter((case.category, case.language) for case in cases())
    assert {category for category, _ in counts} == set(NEEDED) == set(FEWEST)
    for category, fewest in FEWEST.items():
        assert all(counts[category, language] >= fewest for language in ("en", "fr")), category
    sides = Counter((case.category, case.language, case.expected) for case in cases())
    assert min(sides.values()) >= 5


def test_no_sentence_is_there_twice() -> None:
    own = [case.text for case in cases()]
    assert [text for text, count in Counter(map(text_key, own)).items() if count > 1] == []


def test_what_is_denied_and_what_is_said_more_strongly_keeps_its_sentence() -> None:
    for case in cases():
        if case.category == "intensifier":
            missing = Counter(case.base.lower().split()) - Counter(case.text.lower().split())
            assert not missing, case.text


def test_a_model_without_fault_passes_everything() -> None:
    assert all(one.kept and not one.failures for one in assess(ideal()))


def test_a_model_that_always_says_the_same_is_caught_by_what_it_must_judge_and_by_negation() -> None:
    found = assess(scores_of(lambda text: 0.9))
    assert {one.category for one in found if not one.kept} == {"plain", "airline", "negation"}
    assert all(one.right == one.total for one in found if one.category in ("name", "link", "typo", "intensifier"))


def test_a_model_that_a_link_confuses_is_caught_by_links_alone() -> None:
    by_text = dict(zip(texts(), ideal(), strict=True))
    found = assess([1 - score if "https://" in text else score for text, score in by_text.items()])
    assert {one.category for one in found if not one.kept} == {"link"}


@pytest.mark.parametrize(
    ("category", "expected", "base", "score", "passed"),
    [
        ("plain", "positive", 0.5, 0.5, True),
        ("plain", "negative", 0.5, 0.5, False),
        ("airline", "negative", 0.4, 0.4, True),
        ("name", "positive", 0.4, 0.3, True),  # the verdict was wrong before, and stays
        ("typo", "positive", 0.6, 0.4, False),
        ("negation", "positive", 0.9, 0.79, True),
        ("negation", "positive", 0.9, 0.85, False),
        ("negation", "positive", 0.52, 0.48, True),
        ("negation", "negative", 0.2, 0.31, True),
        ("negation", "negative", 0.2, 0.1, False),
        ("negation", "negative", 0.49, 0.51, True),
        ("negation", "positive", 0.4, 0.55, False),  # it went the wrong way
        ("intensifier", "positive", 0.9, 0.86, True),
        ("intensifier", "positive", 0.9, 0.8, False),
        ("intensifier", "negative", 0.1, 0.14, True),
        ("intensifier", "negative", 0.1, 0.2, False),
    ],
)
def test_each_category_has_its_rule(category: str, expected: str, base: float, score: float, passed: bool) -> None:
    assert passes(Case(category, "en", "a", "b", expected), base, score) is passed
