"""Frozen encoders from their weights to a served score. TensorFlow takes seconds to load, so all of it is here."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vigie_model
from vigie_trainer.encoders.choice import EncoderChoice
from vigie_trainer.encoders.frozen import transformer_features
from vigie_trainer.fit import FitContext, FitError, fit
from vigie_trainer.recipe import Recipe, TransformerSpec

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    # Keras, TensorFlow and the converters warn of their own future.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

AGAIN = """
import sys
from pathlib import Path
from vigie_trainer.encoders.frozen import transformer_features
from vigie_trainer.recipe import TransformerSpec
spec = TransformerSpec(kind="transformer", layers=(-1, -2))
print(transformer_features(spec, sys.argv[1], Path(sys.argv[2]), threads=1).width, "tensorflow" in sys.modules)
"""


def recipe(features: dict) -> Recipe:
    classifier = {"kind": "logreg", "C": 0.1}
    return Recipe.model_validate(
        {"name": "mine", "features": features, "classifier": classifier, "search": {"folds": 2}}
    )


def test_a_distilbert_folder_becomes_a_model_that_serves(
    tiny_distilbert: Path, posts: tuple[list[str], np.ndarray], tmp_path: Path
):
    texts, labels = posts
    context = FitContext(tmp_path / "cache", encoders=EncoderChoice(transformer=str(tiny_distilbert)))
    chosen = recipe({"kind": "transformer", "layers": [-1, -2]})
    steps: list[str] = []
    result = fit(
        chosen, texts, labels, out=tmp_path / "a", trained={}, threads=1, context=context,
        progress=lambda step, share: steps.append(step),
    )  # fmt: skip
    model = vigie_model.load(result.artifact)
    assert ((model.score(texts) >= 0.5) == labels).mean() > 0.7
    assert result.params["features.encoder"] == str(tiny_distilbert)
    assert result.encode_s > 0
    assert steps.index("encode") < steps.index("search") < steps.index("fit")

    # Two layers of sixteen numbers; and the second time, of an encoder known by its weights, nothing is exported.
    ended = subprocess.run(
        [sys.executable, "-c", AGAIN, str(tiny_distilbert), str(tmp_path / "cache")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.split() == ["32", "False"]
    fit(chosen, texts, labels, out=tmp_path / "b", trained={}, threads=1, context=context)
    assert vigie_model.artifact_digest(tmp_path / "a") == vigie_model.artifact_digest(tmp_path / "b")

    with pytest.raises(FitError, match="has 2 layers; the recipe asks for layer -3"):
        transformer_features(
            TransformerSpec(kind="transformer", layers=(-3,)), str(tiny_distilbert), tmp_path / "cache", threads=1
        )
    whole = transformer_features(TransformerSpec(kind="transformer"), str(tiny_distilbert), tmp_path, threads=1)
    small = transformer_features(
        TransformerSpec(kind="transformer", precision="int8"), str(tiny_distilbert), tmp_path, threads=1
    )
    np.testing.assert_allclose(small.transform(texts[:8]), whole.transform(texts[:8]), atol=0.2)
    assert not np.array_equal(small.transform(texts[:8]), whole.transform(texts[:8]))


def test_an_encoder_of_another_architecture_is_exported_by_keras(
    tiny_distilbert: Path, posts: tuple[list[str], np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = TransformerSpec(kind="transformer", layers=(-1, -2))
    written = transformer_features(spec, str(tiny_distilbert), tmp_path / "written", threads=1)
    monkeypatch.setattr("vigie_trainer.encoders.frozen.encoder_of", lambda network: None)
    exported = transformer_features(spec, str(tiny_distilbert), tmp_path / "exported", threads=1)
    assert exported.files() != written.files()
    texts = posts[0][:20]
    np.testing.assert_allclose(exported.transform(texts), written.transform(texts), atol=1e-5)


def test_a_saved_model_becomes_a_model_that_serves(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    tensorflow = pytest.importorskip("tensorflow")
    from vigie_trainer.encoders.backbone import quiet_tensorflow

    quiet_tensorflow()

    class Words(tensorflow.Module):
        """Which of 64 buckets the words of a text fall into."""

        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None], tensorflow.string)])
        def __call__(self, texts):
            words = tensorflow.strings.split(texts)
            buckets = tensorflow.strings.to_hash_bucket_fast(words, 64)
            return tensorflow.reduce_sum(tensorflow.one_hot(buckets.to_tensor(-1), 64), axis=1)

    folder = str(tmp_path / "encoder")
    tensorflow.saved_model.save(Words(), folder)
    texts, labels = posts
    context = FitContext(tmp_path / "cache", encoders=EncoderChoice(use=folder))
    result = fit(recipe({"kind": "use"}), texts, labels, out=tmp_path / "a", trained={}, threads=1, context=context)
    model = vigie_model.load(result.artifact)
    assert ((model.score(texts) >= 0.5) == labels).mean() > 0.75


def test_a_recipe_s_own_encoder_comes_before_the_settings(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    context = FitContext(tmp_path / "cache", encoders=EncoderChoice(transformer="nowhere", use="nowhere"))
    chosen = recipe({"kind": "use", "encoder": "pypi"})
    result = fit(chosen, texts, labels, out=tmp_path / "a", trained={}, threads=1, context=context)
    assert result.params["features.encoder"] == "pypi"
    assert ((vigie_model.load(result.artifact).score(texts) >= 0.5) == labels).mean() > 0.75


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ({"kind": "transformer", "encoder": "{folder}"}, "lacks config.json, model.safetensors, vocab.txt"),
        ({"kind": "use", "encoder": "{folder}/none"}, "cannot be loaded"),
    ],
)
def test_an_encoder_that_cannot_be_had_is_refused_with_a_sentence(features: dict, sentence: str, tmp_path: Path):
    if features["kind"] == "use":
        pytest.importorskip("tensorflow_hub")
    features["encoder"] = features["encoder"].format(folder=tmp_path)
    with pytest.raises(FitError, match=sentence):
        fit(
            recipe(features), ["good", "bad", "great", "awful"], np.array([1, 0, 1, 0]),
            out=tmp_path / "a", trained={}, threads=1,
        )  # fmt: skip
