"""A sentence encoder that TensorFlow saved serves from its folder, and says what is wrong when it cannot."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vigie_model
from vigie_model import ArtifactError, FeatureScorer, LinearHead, Platt, SavedModelFeatures
from vigie_model.saved_model import load_saved_model

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture(scope="module")
def tensorflow() -> Any:
    return importlib.import_module("tensorflow")  # of the extra `deep`, which `make test` installs


@pytest.fixture(scope="module")
def folders(tensorflow: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    tf = tensorflow
    texts = tf.TensorSpec([None], tf.string)

    class Encoder(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = tf.Variable([1.0, 0.5, -1.0])

        @tf.function(input_signature=[texts])
        def __call__(self, sentences: Any) -> Any:
            length = tf.cast(tf.strings.length(sentences), tf.float32)
            return length[:, None] * self.scale[None, :]

    class Served(Encoder):
        @tf.function(input_signature=[texts])
        def serve(self, sentences: Any) -> Any:
            return {"outputs": self(sentences)}

    class Scalar(tf.Module):
        @tf.function(input_signature=[texts])
        def __call__(self, sentences: Any) -> Any:
            return tf.reduce_sum(tf.strings.length(sentences))

    class Numbers(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, numbers: Any) -> Any:
            return numbers[:, None]

    root = tmp_path_factory.mktemp("saved")
    served = Served()
    signature_only = tf.Module()
    signature_only.scale = served.scale
    for name, module, signatures in (
        ("encoder", Encoder(), None),
        ("signature", signature_only, {"serving_default": served.serve}),
        ("scalar", Scalar(), None),
        ("numbers", Numbers(), None),
        ("nothing", tf.Module(), None),
    ):
        tf.saved_model.save(module, str(root / name), signatures=signatures)
    return {path.name: str(path) for path in root.iterdir()}


@pytest.mark.parametrize("name", ["encoder", "signature"])
def test_a_saved_encoder_gives_a_row_a_text_and_comes_back_from_the_artifact(
    folders: dict[str, str], name: str, tmp_path: Path
):
    features = SavedModelFeatures(folders[name])
    rows = features.transform(["abcd", "", "@somebody"])
    np.testing.assert_allclose(rows, np.outer([4, 0, 5], [1.0, 0.5, -1.0]))
    assert rows.dtype == np.float32
    assert features.transform([]).shape == (0, 3)
    assert len(features.transform(["x"] * 130)) == 130
    scorer = FeatureScorer(features, LinearHead(np.ones(3), 0.0))
    vigie_model.save(tmp_path / "a", recipe="use_logreg", scorer=scorer, calibration=Platt(), uncertain=(0.5, 0.5))
    model = vigie_model.load(tmp_path / "a")
    assert model.cost == "heavy"
    assert model.predict_one("abcd").score == pytest.approx(1 / (1 + np.exp(-2.0)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("scalar", "does not give a row of finite numbers"),
        ("numbers", "does not take a vector of texts"),
        ("nothing", "neither be called nor has it a signature"),
    ],
)
def test_a_saved_model_of_another_shape_is_refused(folders: dict[str, str], name: str, said: str):
    with pytest.raises(ArtifactError, match=said):
        SavedModelFeatures(folders[name])


def test_a_handle_that_leads_nowhere_or_to_no_model_is_refused(tensorflow: Any, tmp_path: Path):
    for handle in (str(tmp_path), str(tmp_path / "nowhere")):
        with pytest.raises(ArtifactError, match="cannot be loaded"):
            SavedModelFeatures(handle)


def test_an_entry_without_a_handle_or_of_another_width_is_refused(folders: dict[str, str]):
    for handle in (None, "", 3):
        with pytest.raises(ArtifactError, match="handle of the saved model is missing"):
            load_saved_model({"kind": "saved_model", "handle": handle, "width": 3})
    with pytest.raises(ArtifactError, match="gives 3 columns, the manifest says 512"):
        load_saved_model({"kind": "saved_model", "handle": folders["encoder"], "width": 512})


def test_where_tensorflow_is_not_installed_the_artifact_says_that_it_needs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    with pytest.raises(ArtifactError, match="needs tensorflow to serve, which is not installed here"):
        SavedModelFeatures("/anywhere")
