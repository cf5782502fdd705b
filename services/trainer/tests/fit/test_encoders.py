"""Frozen encoders from their weights to a served score. TensorFlow takes seconds to load, so all of it is here."""

from pathlib import Path

import numpy as np
import pytest

import vigie_model
from vigie_trainer.encoders.choice import EncoderChoice
from vigie_trainer.fit import FitContext, FitError, fit
from vigie_trainer.recipe import Recipe

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    # Keras, TensorFlow and the converters warn of their own future.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]


def recipe(features: dict) -> Recipe:
    classifier = {"kind": "logreg", "C": 0.1}
    return Recipe.model_validate(
        {"name": "mine", "features": features, "classifier": classifier, "search": {"folds": 2}}
    )


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
