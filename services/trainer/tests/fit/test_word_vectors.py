"""Word vectors: read or trained, pooled as the runtime pools them, and kept."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import vigie_model
from vigie_model import Cleaner
from vigie_trainer.encoders.choice import EncoderChoice
from vigie_trainer.encoders.glove import read_glove
from vigie_trainer.encoders.word2vec import trained_vectors
from vigie_trainer.fit import FitContext, FitError, fit
from vigie_trainer.fit.pooling import VectorCorpus
from vigie_trainer.recipe import Pooling, Recipe, Word2vecSpec

POOLINGS = [
    Pooling(),
    Pooling(weights="sif", a=0.1),
    Pooling(weights="ratio", smoothing=1.0),
    Pooling(weights="ratio", beside_mean=True),
    Pooling(weights="sif", beside_mean=True),
]


@pytest.fixture(scope="session")
def glove_file(tmp_path_factory: pytest.TempPathFactory, posts: tuple[list[str], np.ndarray]) -> Path:
    path = tmp_path_factory.mktemp("glove") / "glove.txt.gz"
    random = np.random.default_rng(2)
    words = [*sorted({token for text in posts[0] for token in Cleaner().tokens(text)}), "never", "seen"]
    lines = [f"{word} {' '.join(f'{number:.4f}' for number in random.normal(size=8))}" for word in words]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    return path


def recipe(features: dict, classifier: dict | None = None, **others: object) -> Recipe:
    chosen = classifier or {"kind": "logreg", "C": 1.0}
    search = {"folds": 2}
    return Recipe.model_validate(
        {"name": "mine", "features": features, "classifier": chosen, "search": search, **others}
    )


@pytest.mark.parametrize("pooling", POOLINGS, ids=lambda pooling: f"{pooling.weights}-{pooling.beside_mean}")
def test_the_runtime_pools_as_the_fit_did(pooling: Pooling, posts: tuple[list[str], np.ndarray]):
    texts, labels = posts
    cleaner = Cleaner()
    documents = [cleaner.tokens(text) for text in texts]
    words = sorted({token for tokens in documents for token in tokens})[:-3]  # not every word has a vector
    vectors = np.random.default_rng(1).normal(size=(len(words), 6)).astype(np.float32)
    fitted, matrix = VectorCorpus(documents, words, vectors).fit(pooling, np.arange(160), labels[:160])
    runtime = fitted.for_runtime(cleaner)
    np.testing.assert_allclose(runtime.transform(texts[:160]), matrix, atol=1e-5)
    unseen = np.arange(160, 240)
    np.testing.assert_allclose(runtime.transform(texts[160:]), fitted.rows(unseen), atol=1e-5)
    assert matrix.shape == (160, 12 if pooling.beside_mean else 6)
    np.testing.assert_array_equal(vigie_model.WordVectorFeatures.transform(runtime, [""]), np.zeros((1, runtime.width)))


def test_a_telling_word_weighs_more_than_one_that_both_classes_use():
    documents = [["good", "the"], ["good", "the"], ["bad", "the"], ["bad", "the"]]
    corpus = VectorCorpus(documents, ["good", "bad", "the"], np.eye(3, dtype=np.float32))
    fitted, _ = corpus.fit(Pooling(weights="ratio", smoothing=1.0, floor=0.1), np.arange(4), np.array([1, 1, 0, 0]))
    assert fitted.word_weights is not None
    good, bad, the = fitted.word_weights
    assert good == pytest.approx(bad)
    assert the == pytest.approx(0.1)
    assert good > 1.0


def test_texts_without_a_known_word_are_refused_with_a_sentence():
    with pytest.raises(FitError, match="no word that has a vector"):
        VectorCorpus([["a"], []], ["b"], np.ones((1, 2), dtype=np.float32))


def test_the_first_words_of_a_glove_file_and_the_wanted_ones_are_read(tmp_path: Path):
    path = tmp_path / "glove.txt"
    path.write_text("4 2\nthe 1 2\nof 3 4\nzebra 5 6\nlast 7 8\nthe 9 9\n")
    words, vectors = read_glove(path, most=2, wanted=frozenset(["last"]))
    assert words == ["the", "of", "last"]
    np.testing.assert_array_equal(vectors, [[1, 2], [3, 4], [7, 8]])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"Download https://nlp\.stanford\.edu/data/glove\.6B\.zip"),
        (b"the 1 2\nof one two\n", "is not a GloVe text file"),
        (b"the 1 2\nof 3\n", "Line 2 .* has 1 numbers, the first has 2"),
        (b"", "holds no word vector"),
        (gzip.compress(b"the 1 2\n" * 99, mtime=0)[:20], "is not a GloVe text file"),
    ],
)
def test_a_file_that_is_no_glove_file_is_refused_with_a_sentence(content: bytes | None, sentence: str, tmp_path: Path):
    path = tmp_path / "glove.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FitError, match=sentence):
        read_glove(path, most=10, wanted=frozenset())
    if content is None:
        with pytest.raises(FitError, match="No GloVe file is named"):
            read_glove(None, most=10, wanted=frozenset())


@pytest.mark.parametrize("kind", ["logreg", "rf", "lgbm"])
def test_a_glove_recipe_makes_a_model_that_has_learned(
    kind: str, glove_file: Path, posts: tuple[list[str], np.ndarray], tmp_path: Path
):
    texts, labels = posts
    classifiers = {
        "logreg": {"kind": "logreg", "C": 1.0},
        "rf": {"kind": "rf", "trees": 10},
        "lgbm": {"kind": "lgbm", "rounds": 20, "min_child_samples": 5},
    }
    context = FitContext(tmp_path / "cache", encoders=EncoderChoice(glove=glove_file))
    chosen = recipe({"kind": "glove", "pooling": {"weights": "ratio"}}, classifiers[kind])
    result = fit(chosen, texts, labels, out=tmp_path / "artifact", trained={}, threads=1, context=context)
    model = vigie_model.load(result.artifact)
    assert ((model.score(texts) >= 0.5) == labels).mean() > 0.8
    assert result.encode_s == 0.0
    assert result.params["features.pooling.weights"] == "ratio"


def test_a_recipe_may_name_its_own_file(glove_file: Path, posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    chosen = recipe({"kind": "glove", "file": str(glove_file)})
    fit(chosen, texts, labels, out=tmp_path / "artifact", trained={}, threads=1)
    assert len(vigie_model.load(tmp_path / "artifact").score(texts[:3])) == 3


SPEC = Word2vecSpec(kind="word2vec", size=8, epochs=2, min_count=1)


def test_word_vectors_are_trained_once(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    pytest.importorskip("gensim")
    documents = [text.split() for text in posts[0]]
    first = trained_vectors(documents, SPEC, tmp_path, seed=1)
    assert first.vectors.shape == (len(first.words), 8)
    again = trained_vectors(documents, SPEC, tmp_path, seed=1)
    assert (again.words, again.seconds) == (first.words, first.seconds)
    np.testing.assert_array_equal(again.vectors, first.vectors)
    (kept,) = (tmp_path / "word2vec").iterdir()
    kept.write_bytes(b"damaged")
    np.testing.assert_array_equal(trained_vectors(documents, SPEC, tmp_path, seed=1).vectors, first.vectors)
    other = trained_vectors(documents, SPEC.model_copy(update={"size": 4}), tmp_path, seed=1)
    assert other.vectors.shape[1] == 4


def test_words_that_are_all_rare_are_refused_with_a_sentence(tmp_path: Path):
    pytest.importorskip("gensim")
    with pytest.raises(FitError, match="No word comes 5 times"):
        trained_vectors([["a"], ["b"]], SPEC.model_copy(update={"min_count": 5}), tmp_path, seed=1)


def test_a_word2vec_recipe_makes_the_same_artifact_again(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    pytest.importorskip("gensim")
    texts, labels = posts
    chosen = recipe({"kind": "word2vec", "size": 8, "epochs": 5, "min_count": 1, "pooling": {"weights": "ratio"}})
    for name in ("a", "b"):
        result = fit(chosen, texts, labels, out=tmp_path / name, trained={}, threads=1)
        assert result.fit_s > 0
    assert vigie_model.artifact_digest(tmp_path / "a") == vigie_model.artifact_digest(tmp_path / "b")
