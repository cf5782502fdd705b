"""The demo corpus must not know the answers: no sentence of a test, of documentation or of an example is in it."""

import re
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from vigie_trainer.data.demo import demo_posts
from vigie_trainer.data.rows import text_key
from vigie_trainer.gate.behaviour import cases
from vigie_trainer.tracking.pyfunc_model import EXAMPLE

ROOT = Path(__file__).resolve().parents[3]
SHOWN_TO_CUSTOMERS = (
    "My flight was cancelled and nobody answers. Worst airline ever.",
    "Merci à l'équipage, vol parfait !",
    "Je suis content d'être ici !",
)
_QUOTED = re.compile(
    r'"((?:[^"\\\n]|\\.){12,300})"|\'((?:[^\'\\\n]|\\.){12,300})\'|“([^”\n]{12,300})”|«([^»\n]{12,300})»|`([^`\n]{12,300})`'
)
_WORD = re.compile(r"[^\W_]+")
_SIMILAR_WORDS, _SIMILAR_TEXT = 0.8, 0.9


def words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text_key(text)))


def quoted_sentences() -> dict[str, str]:
    """Sentences of five words or more in quotes, in documentation and tests -> where (shorter ones everybody says)."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("scripts/*.py")]
    pages += [*ROOT.glob("services/*/src/**/*.md"), *ROOT.glob("services/ui/src/**/locales/*.toml")]
    pages += [
        *ROOT.glob("tests/**/*.py"),
        *ROOT.glob("services/*/tests/**/*.py"),
        *ROOT.glob("packages/*/tests/**/*.py"),
    ]
    found: dict[str, str] = {}
    for page in pages:
        for match in _QUOTED.finditer(page.read_text(encoding="utf-8")):
            sentence = next(group for group in match.groups() if group)
            if len(words(sentence)) >= 5:
                found.setdefault(sentence, str(page.relative_to(ROOT)))
    return found


def is_near(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    one, other = set(first), set(second)
    if len(one & other) / max(1, len(one | other)) >= _SIMILAR_WORDS:
        return True
    matcher = SequenceMatcher(None, " ".join(first), " ".join(second), autojunk=False)
    return (
        matcher.real_quick_ratio() >= _SIMILAR_TEXT
        and matcher.quick_ratio() >= _SIMILAR_TEXT
        and matcher.ratio() >= _SIMILAR_TEXT
    )


@pytest.fixture(scope="module")
def corpus() -> list[tuple[str, tuple[str, ...]]]:
    return [(text, words(text)) for text in demo_posts().texts]


def near_copies(sentences: dict[str, str], corpus: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    by_word: dict[str, list[int]] = {}
    for at, (_, tokens) in enumerate(corpus):
        for word in set(tokens):
            by_word.setdefault(word, []).append(at)
    found = []
    for sentence, place in sentences.items():
        tokens = words(sentence)
        shared = Counter(at for word in set(tokens) for at in by_word.get(word, ()))
        # A near copy shares half of the words at least.
        close = [at for at, count in shared.items() if count >= len(set(tokens)) / 2]
        found += [f"{corpus[at][0]!r} ~ {sentence!r} ({place})" for at in close if is_near(tokens, corpus[at][1])]
    return found


def test_the_sentences_shown_to_customers_are_not_in_the_corpus(corpus) -> None:
    assert near_copies(dict.fromkeys(SHOWN_TO_CUSTOMERS, "the issue"), corpus) == []


def test_the_sentences_of_the_gate_and_of_the_models_example_are_not_in_the_corpus(corpus) -> None:
    put = {text: f"the gate, {case.category}" for case in cases() for text in (case.base, case.text)}
    assert near_copies(put | dict.fromkeys(EXAMPLE, "the model's example"), corpus) == []


def test_no_sentence_of_a_test_or_of_documentation_is_in_the_corpus(corpus) -> None:
    sentences = quoted_sentences()
    assert len(sentences) > 50
    assert near_copies(sentences, corpus) == []


def test_a_near_copy_would_be_found() -> None:
    corpus = [(text, words(text)) for text in ("Worst airline ever!! My flight was canceled and nobody answers",)]
    assert near_copies(dict.fromkeys(SHOWN_TO_CUSTOMERS, "x"), corpus)
    assert not is_near(words("the crew was lovely"), words("the crew was awful today"))


def test_every_text_is_there_once() -> None:
    counts = Counter(text_key(text) for text in demo_posts().texts)
    assert [text for text, count in counts.items() if count > 1] == []


def test_both_classes_of_both_languages_have_several_hundred_posts_and_as_many() -> None:
    posts = demo_posts()
    sizes = Counter(zip(posts.columns["language"], posts.labels, strict=True))
    assert set(sizes) == {("en", 0), ("en", 1), ("fr", 0), ("fr", 1)}
    assert min(sizes.values()) >= 300
    assert max(sizes.values()) <= 1.1 * min(sizes.values())


def test_the_corpus_is_marked_synthetic_and_holds_short_posts() -> None:
    posts = demo_posts()
    assert posts.synthetic
    assert max(map(len, posts.texts)) <= 400
    assert all(text.strip() == text and "\0" not in text for text in posts.texts)
