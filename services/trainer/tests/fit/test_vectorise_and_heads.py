"""What the trainer fits is what the runtime computes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from vigie_model import Cleaner
from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.forest_onnx import single_below
from vigie_trainer.fit.vectorise import CountedCorpus, fit_features, log_count_ratio
from vigie_trainer.recipe import BoosterSpec, ForestSpec, LogregSpec, NgramBlock, TfidfSpec

SPEC = TfidfSpec(kind="tfidf", word=NgramBlock(ngrams=(1, 2), min_df=2), char=NgramBlock(ngrams=(2, 4), min_df=3))


def test_vocabulary_and_weights_are_scikit_learns(posts: tuple[list[str], np.ndarray]):
    texts, labels = posts
    cleaner = Cleaner()
    train, unseen = np.arange(160), np.arange(160, 240)
    features, matrix = fit_features(CountedCorpus(texts, cleaner), SPEC, train, labels[train])
    word = TfidfVectorizer(
        tokenizer=cleaner.tokens, preprocessor=str, token_pattern=None, lowercase=False,
        ngram_range=(1, 2), min_df=2, sublinear_tf=True,
    )  # fmt: skip
    char = TfidfVectorizer(
        analyzer="char_wb", preprocessor=cleaner.clean, lowercase=False, ngram_range=(2, 4), min_df=3, sublinear_tf=True
    )
    words = len(features.blocks[0].columns)
    for vectorizer, columns in ((word, slice(0, words)), (char, slice(words, None))):
        expected = vectorizer.fit_transform(texts[:160])
        np.testing.assert_allclose(matrix[:, columns].toarray(), expected.toarray(), atol=1e-12)
        np.testing.assert_allclose(
            features.rows(unseen)[:, columns].toarray(), vectorizer.transform(texts[160:]).toarray(), atol=1e-12
        )


def test_words_that_a_negation_reaches_are_other_terms_in_training_and_serving():
    texts = ["good crew", "not good crew", "bad crew", "not bad at all"]
    spec = TfidfSpec(kind="tfidf", word=NgramBlock(ngrams=(1, 1), negation_span=2))
    corpus, rows = CountedCorpus(texts, Cleaner()), np.arange(4)
    features, matrix = fit_features(corpus, spec, rows, np.array([1, 0, 0, 1]))
    terms = features.blocks[0].counts.terms.tolist()
    assert {"NOT_good", "NOT_bad", "NOT_at", "good", "all"} <= set(terms)
    assert matrix[1, terms.index("good")] == 0.0
    np.testing.assert_allclose(features.for_runtime(corpus.cleaner).transform(texts).toarray(), matrix.toarray())


SPECS = [
    LogregSpec(kind="logreg"),
    ForestSpec(kind="rf", trees=15),
    BoosterSpec(kind="lgbm", rounds=15, min_child_samples=3),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize("ratio", [None, 1.0])
def test_the_head_says_what_the_classifier_said(spec, ratio: float | None, posts: tuple[list[str], np.ndarray]):
    texts, labels = posts
    if ratio is not None and spec.kind != "logreg":
        return  # recipes refuse it for trees
    corpus = CountedCorpus(texts, Cleaner())
    rows = np.arange(len(texts))
    features, matrix = fit_features(corpus, SPEC.model_copy(update={"log_count_ratio": ratio}), rows, labels)
    model = fit_classifier(spec, matrix, labels, None, seed=1, threads=1)
    head = model.head(features.scale, 1)
    runtime = features.for_runtime(corpus.cleaner).transform(texts)
    np.testing.assert_allclose(head.margins(runtime), model.margins(matrix), atol=1e-6)
    assert head.describe()["width"] == matrix.shape[1]


@given(st.lists(st.floats(-1e30, 1e30), min_size=1), st.floats(-(2.0**99), 2.0**99, width=32))
@settings(max_examples=300)
def test_a_single_precision_threshold_decides_as_the_double_did(thresholds: list[float], value: float):
    exact = np.array(thresholds)
    rounded = single_below(exact)
    assert rounded.dtype == np.float32
    assert ((np.float32(value) <= rounded) == (value <= exact)).all()


def test_the_log_count_ratio_is_the_papers():
    matrix = csr_matrix(np.array([[0.5, 0.0, 0.1], [0.2, 0.3, 0.0], [0.0, 0.4, 0.0]]))
    ratio = log_count_ratio(matrix, np.array([1, 1, 0]), 1.0)
    positive, negative = np.array([3.0, 2.0, 2.0]), np.array([1.0, 2.0, 1.0])
    np.testing.assert_allclose(ratio, np.log((positive / 7) / (negative / 4)))


def test_the_terms_that_tell_most_are_kept(posts: tuple[list[str], np.ndarray]):
    texts, labels = posts
    spec = TfidfSpec(kind="tfidf", word=NgramBlock(ngrams=(1, 1), max_terms=16))
    features, matrix = fit_features(CountedCorpus(texts, Cleaner()), spec, np.arange(240), labels)
    block = features.blocks[0]
    assert matrix.shape == (240, 16)
    assert {"good", "bad", "merci", "retard"} <= set(block.counts.terms[block.columns])
    assert "flight" not in set(block.counts.terms[block.columns])
