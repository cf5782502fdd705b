"""The fused scorer and the batch features equal scikit-learn's pipeline."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

from vigie_model import Block, Cleaner, LinearHead, TfidfFeatures
from vigie_model.bigram_table import BigramTable
from vigie_model.linear import LinearScorer
from vigie_model.linear_batch import BatchScorer
from vigie_model.linear_terms import LinearTerms

CLEANER = Cleaner()
WORDS = st.sampled_from(
    [
        "good",
        "bad",
        "not",
        "n't",
        "don't",
        "GOOD!",
        "vol",
        "retard",
        "l'équipage",
        "été",
        "banana",
        "aaaaaah",
        "😀",
        "👍🏽",
        ":)",
        ":-(",
        "http://x.example/a",
        "@bob",
        "#fail",
        "a",
        "I",
        ",",
        ".",
        "...",
        "&amp;",
        "itâ€™s",
        "ça",
        "12.5",
        "x",
    ]
)
TEXTS = st.one_of(
    st.lists(WORDS, max_size=25).map(" ".join),
    st.lists(st.sampled_from(["good", "bad", "!"]), max_size=60).map(" ".join),
    st.text(max_size=60),
)
SHAPES = [((1, 2), (3, 5)), ((1, 2), (2, 4)), ((1, 1), (1, 3)), ((1, 2), None), (None, (2, 5)), ((1, 3), (3, 4))]
CORPUS = st.lists(TEXTS, min_size=4, max_size=12)


def sklearn_union(word: tuple[int, int] | None, char: tuple[int, int] | None, sublinear: bool) -> FeatureUnion:
    parts = []
    common = {"lowercase": False, "sublinear_tf": sublinear}
    if word:
        tokens = {"tokenizer": CLEANER.tokens, "preprocessor": str, "token_pattern": None}
        parts.append(("word", TfidfVectorizer(ngram_range=word, **tokens, **common)))
    if char:
        vectorizer = TfidfVectorizer(analyzer="char_wb", preprocessor=CLEANER.clean, ngram_range=char, **common)
        parts.append(("char", vectorizer))
    return FeatureUnion(parts)


def ours(union: FeatureUnion) -> TfidfFeatures:
    blocks = []
    for name, part in union.transformer_list:
        terms = part.get_feature_names_out().tolist()
        analyzer = "word" if name == "word" else "char_wb"
        blocks.append(Block(analyzer, part.ngram_range, terms, part.idf_, part.sublinear_tf))
    return TfidfFeatures(CLEANER, blocks)


@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize(("word", "char"), SHAPES)
@settings(max_examples=25, deadline=None)
@given(corpus=CORPUS, unseen=st.lists(TEXTS, max_size=6), seed=st.integers(0, 2**16))
def test_scores_equal_scikit_learns_to_a_billionth(
    word: tuple[int, int] | None,
    char: tuple[int, int] | None,
    sublinear: bool,
    corpus: list[str],
    unseen: list[str],
    seed: int,
):
    union = sklearn_union(word, char, sublinear)
    corpus = ["good bad", *corpus]  # so that there is a vocabulary
    theirs = union.fit_transform(corpus)
    features = ours(union)
    labels = np.arange(len(corpus)) % 2
    model = LogisticRegression(C=10.0, max_iter=200, tol=1e-3, random_state=seed % 1000).fit(theirs, labels)
    texts = corpus + unseen
    np.testing.assert_allclose(features.transform(texts).toarray(), union.transform(texts).toarray(), atol=1e-12)
    expected = model.decision_function(union.transform(texts))
    head = LinearHead(model.coef_[0], model.intercept_[0])
    np.testing.assert_allclose(head.margins(features.transform(texts)), expected, atol=1e-9)
    if LinearScorer.can_fuse(features):
        scorer = LinearScorer(features, head.weights, head.intercept)
        np.testing.assert_allclose(scorer.margins(texts), expected, atol=1e-9)
        assert scorer.margins(texts).tolist() == scorer.margins(texts).tolist()  # remembered or not
        alone = [scorer.margin(text) for text in texts]
        terms = LinearTerms(features, head.weights)
        assert BatchScorer(terms, head.intercept).margins_and_evidence(texts) == alone
    else:
        assert word == (1, 3)


@pytest.mark.parametrize("sublinear", [True, False])
def test_ten_thousand_repetitions_cost_no_digits(sublinear: bool):
    union = sklearn_union((1, 2), (2, 4), sublinear)
    union.fit(["good banana !", "bad banana ?"])
    features = ours(union)
    weights = np.cos(np.arange(features.width))
    scorer = LinearScorer(features, weights, 0.5)
    for text in ["! " * 9_999, "good bad banana " * 3_000, "good " * 40 + "bad"]:
        expected = (union.transform([text]) @ weights + 0.5)[0]
        assert scorer.margin(text)[0] == pytest.approx(expected, abs=1e-9)
        assert scorer.margins_and_evidence(["good", text] * 8) == [scorer.margin("good"), scorer.margin(text)] * 8


def test_features_without_a_block_give_the_intercept():
    features = TfidfFeatures(CLEANER, [])
    assert features.transform(["a", "b"]).shape == (2, 0)
    assert LinearScorer(features, np.zeros(0), 0.25).margin("anything")[0] == 0.25


def test_no_text_gives_no_row():
    features = TfidfFeatures(CLEANER, [Block("word", (1, 1), ["good"], np.ones(1))])
    assert features.transform([]).shape == (0, 1)


def test_what_the_scorer_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vigie_model.linear_terms._CACHE_SIZE", 8)
    monkeypatch.setattr("vigie_model.tfidf._CACHE_SIZE", 8)
    features = TfidfFeatures(CLEANER, [Block("char_wb", (2, 2), [" w", "d1"], np.ones(2))])
    scorer = LinearScorer(features, np.array([1.0, -1.0]), 0.0)
    scorer.remember(8)
    texts = [f"word{number} {'x' * 400}{number}" for number in range(50)]
    alone = [scorer.margin(text) for text in texts]
    assert [scorer.margins_and_evidence(texts[start : start + 25]) for start in (0, 25)] == [alone[:25], alone[25:]]
    assert len(scorer._batches._table.rows) <= 50  # what one batch brings is kept until the next
    assert len(scorer._terms.known) <= 8
    assert all(len(piece) <= 32 for piece in scorer._terms.known)
    assert 0 < len(scorer._terms._chars) <= 8
    features.transform(texts)
    assert 0 < len(features._char_ids[0]) <= 8


def test_a_batch_of_thousands_of_unknown_words_scores_as_each_text_alone():
    words = [f"w{number}" for number in range(3_000)]
    features = TfidfFeatures(
        CLEANER,
        [
            Block("word", (1, 2), [*words, *(f"{a} {b}" for a, b in pairwise(words))], np.linspace(1, 2, 5_999)),
            Block("char_wb", (2, 3), [" w", "w1", "11", "1 ", "111"], np.ones(5)),
        ],
    )
    scorer = LinearScorer(features, np.sin(np.arange(features.width)), 0.5)
    texts = [" ".join(words[start : start + 30]) for start in range(0, 2_970, 15)]
    assert scorer.margins_and_evidence(texts) == [scorer.margin(text) for text in texts]


def test_what_is_forgotten_half_at_a_time_scores_as_it_did(monkeypatch: pytest.MonkeyPatch):
    block = Block("word", (1, 2), ["good", "not", "not NOT_good"], np.ones(3), negation_span=3)
    chars = Block("char_wb", (2, 3), [" w", "w1", "11", "1 ", "111"], np.ones(5))
    scorer = LinearScorer(TfidfFeatures(CLEANER, [block, chars]), np.sin(np.arange(8.0)), 0.5)
    scorer.remember(200)
    learnt: list[str] = []
    learn = LinearTerms.learn
    monkeypatch.setattr(LinearTerms, "learn", lambda terms, piece: learnt.append(piece) or learn(terms, piece))
    texts = [f"not good Good! w{number} w{number + 1}" for number in range(0, 1_000, 2)]
    found = [line for start in range(0, 500, 20) for line in scorer.margins_and_evidence(texts[start : start + 20])]
    assert learnt.count("good") == learnt.count("3 good") == 1  # it comes all the time, so it moves over
    assert len(scorer._batches._table.rows) + len(scorer._batches._older.rows) <= 300
    assert found == [scorer.margin(text) for text in texts]


@given(st.dictionaries(st.integers(0, 2**40), st.integers(0, 2**30), max_size=300), st.lists(st.integers(0, 2**40)))
def test_a_table_of_bigrams_finds_what_a_dictionary_finds(columns: dict[int, int], others: list[int]):
    keys = [*columns, *others]
    known, found = BigramTable(columns).find(np.array(keys, dtype=np.int64))
    assert known.tolist() == [key in columns for key in keys]
    assert [column for column, there in zip(found.tolist(), known, strict=True) if there] == [
        columns[key] for key in keys if key in columns
    ]


def test_threads_that_learn_the_same_words_at_once_get_the_same_scores():
    features = TfidfFeatures(CLEANER, [Block("char_wb", (2, 3), [" w", "w1", "11", "1 ", "111"], np.ones(5))])
    texts = [f"w{number} w{number + 1}" for number in range(4_000)]
    scorer = LinearScorer(features, np.arange(5.0), 0.0)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(scorer.margins_and_evidence, [texts] * 4))
    assert found == [[scorer.margin(text) for text in texts]] * 4
