"""Networks, trained for real on a few hundred made-up posts."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import vigie_model
from vigie_trainer.encoders.choice import EncoderChoice
from vigie_trainer.fit import FitError, FitResult, fit
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.networks.checkpoint import Checkpoint, State, training_key
from vigie_trainer.fit.task import Sample
from vigie_trainer.network_recipe import BertSpec, BilstmSpec, NetworkRecipe, Schedule

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    # Keras, TensorFlow and the converters warn of their own future.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

WORDS = ["good", "great", "lovely", "smooth", "happy", "bad", "awful", "late", "rude", "lost", "flight", "the", "crew"]


@dataclass(frozen=True)
class FineTuned:
    """What a training left behind, and how far it said it was."""

    result: FitResult
    context: FitContext
    steps: list[tuple[str, float]]


def bert(encoder: Path, **schedule: float) -> NetworkRecipe:
    settings = {"epochs": 6, "batch": 16, "learning_rate": 5e-3, **schedule}
    spec = BertSpec(kind="bert", encoder=str(encoder), max_length=16, dropout=0.0, schedule=Schedule(**settings))
    return NetworkRecipe(name="bert", network=spec, holdout_rows=40)


def bilstm(**values: object) -> NetworkRecipe:
    schedule = Schedule(epochs=6, batch=16, learning_rate=1e-2, weight_decay=0.0)
    spec = BilstmSpec(
        kind="bilstm", min_count=1, units=8, dimensions=12, max_length=12, dropout=0.1, schedule=schedule, **values
    )
    return NetworkRecipe(name="bilstm", network=spec, holdout_rows=40)


@pytest.fixture(scope="module")
def fine_tuned(posts, tiny_distilbert, tmp_path_factory) -> FineTuned:
    """The encoder, fine-tuned once."""
    home = tmp_path_factory.mktemp("fine-tuned")
    steps: list[tuple[str, float]] = []
    context = FitContext(home / "cache")
    result = fit(
        bert(tiny_distilbert),
        *posts,
        out=home / "artifact",
        trained={"dataset": "made up"},
        context=context,
        progress=lambda step, share: steps.append((step, share)),
    )
    return FineTuned(result, context, steps)


def accuracy(folder: Path, posts: tuple[list[str], np.ndarray]) -> float:
    scores = vigie_model.load(folder).score(posts[0])
    return float(((scores >= 0.5) == (posts[1] == 1)).mean())


def test_a_fine_tuned_encoder_learns_and_its_artifact_needs_no_tensorflow(posts, fine_tuned):
    result = fine_tuned.result
    assert accuracy(result.artifact, posts) > 0.75
    assert result.curves is not None
    assert result.curves["loss"][-1] < result.curves["loss"][0]
    assert ("fit", 1.0) in fine_tuned.steps
    assert {path.suffix for path in result.artifact.iterdir()} <= {".json", ".onnx"}


def test_a_network_that_was_trained_already_is_not_trained_again(
    posts, tiny_distilbert, fine_tuned, tmp_path, monkeypatch
):
    from vigie_trainer.fit.networks import training

    monkeypatch.setattr(training, "_step", lambda *_: pytest.fail("it was trained again"))
    trained = {"dataset": "made up"}
    again = fit(bert(tiny_distilbert), *posts, out=tmp_path / "again", trained=trained, context=fine_tuned.context)
    assert vigie_model.artifact_digest(fine_tuned.result.artifact) == vigie_model.artifact_digest(again.artifact)
    assert again.fit_s == pytest.approx(fine_tuned.result.fit_s)


def test_the_setting_chooses_the_encoder_of_a_recipe_that_names_none(posts, tiny_distilbert, tmp_path):
    recipe = bert(tiny_distilbert, epochs=1)
    unnamed = recipe.model_copy(update={"network": recipe.network.model_copy(update={"encoder": None})})
    context = FitContext(tmp_path / "cache", encoders=EncoderChoice(transformer=str(tiny_distilbert)))
    named, chosen = (
        fit(one, *posts, out=tmp_path / name, trained={}, context=context)
        for one, name in ((recipe, "named"), (unnamed, "chosen"))
    )
    assert vigie_model.artifact_digest(named.artifact) == vigie_model.artifact_digest(chosen.artifact)


def test_what_decides_the_weights_of_a_network_is_in_its_key(posts):
    texts, labels = posts
    sample = Sample(texts, labels, None, len(texts))
    key = training_key({"kind": "bert"}, sample, seed=1, start="a")
    weighed = replace(sample, weights=np.linspace(1.0, 2.0, len(texts)))
    other_labels = replace(sample, labels=1 - labels)
    others = [
        training_key({"kind": "bilstm"}, sample, seed=1, start="a"),
        training_key({"kind": "bert"}, weighed, seed=1, start="a"),
        training_key({"kind": "bert"}, replace(weighed, weights=weighed.weights[::-1].copy()), seed=1, start="a"),
        training_key({"kind": "bert"}, other_labels, seed=1, start="a"),
        training_key({"kind": "bert"}, sample, seed=2, start="a"),
        training_key({"kind": "bert"}, sample, seed=1, start="b"),
    ]
    assert len({key, *others}) == 7


def test_training_that_was_cut_short_ends_where_it_would_have(
    posts, tiny_distilbert, fine_tuned, tmp_path, monkeypatch
):
    from vigie_trainer.fit.networks import training

    class CutError(Exception):
        pass

    def cut(step: str, share: float) -> None:
        if step == "fit" and share > 0.5:
            raise CutError

    monkeypatch.setattr(training, "_KEEP_EVERY_S", 0.0)
    context = FitContext(tmp_path / "two")
    with pytest.raises(CutError):
        fit(bert(tiny_distilbert), *posts, out=tmp_path / "cut", trained={}, context=context, progress=cut)
    monkeypatch.undo()
    assert not (tmp_path / "cut").exists()
    resumed = fit(bert(tiny_distilbert), *posts, out=tmp_path / "resumed", trained={}, context=context)
    one, two = (vigie_model.load(result.artifact).margins(posts[0][:50]) for result in (fine_tuned.result, resumed))
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_the_words_of_a_bilstm_start_from_glove_and_its_graph_says_what_keras_says(posts, tmp_path):
    vectors = tmp_path / "glove.12d.txt.gz"
    rng = np.random.default_rng(1)
    with gzip.open(vectors, "wt") as out:
        for word in WORDS:
            out.write(word + " " + " ".join(f"{number:.4f}" for number in rng.normal(0, 0.4, 12)) + "\n")
    context = FitContext(tmp_path / "cache", encoders=EncoderChoice(glove=vectors))
    result = fit(bilstm(), *posts, out=tmp_path / "artifact", trained={}, context=context)
    assert accuracy(result.artifact, posts) > 0.75
    model = vigie_model.load(result.artifact)
    long, short = "good crew " * 10, "awful"
    together = model.score([long, short, ""])
    assert together[1] == pytest.approx(model.score([short])[0], abs=1e-6)
    assert np.isfinite(together).all()


def test_a_bilstm_graph_equals_the_keras_network(posts, tmp_path):
    import keras

    from vigie_model import Cleaner
    from vigie_trainer.fit.networks import bilstm as module
    from vigie_trainer.fit.networks.bilstm_graph import bilstm_graph

    index = module._index(bilstm().network, Cleaner(), posts[0])
    table, source = module._embeddings(bilstm(vectors="none").network, index.vocabulary, None, 1)
    assert source == "none"
    keras.utils.set_random_seed(5)
    # Through 16-bit numbers first: the graph keeps its embeddings so.
    network = module._network(bilstm().network, table.astype(np.float16).astype(np.float32), 1)
    weights = [network.get_layer(name).get_weights() for name in ("words", "forward", "backward", "margin")]
    scorer = vigie_model.NetworkScorer(index, bilstm_graph(weights[0][0], *weights[1:]))
    for text in ("good crew", "the flight was late and the crew rude"):
        ids = np.array(index.encode([text]), dtype=np.int32)
        expected = float(network([ids, np.ones_like(ids)])[0, 0])
        assert scorer.margins([text])[0] == pytest.approx(expected, abs=1e-5)


def test_extra_rows_are_learned_from_and_never_calibrated_on(posts, tmp_path):
    from vigie_trainer.fit.networks.run import held_out_rows

    aside = held_out_rows(posts[1], 100, 40, 42)
    assert len(aside) == 10
    assert aside.max() < 100
    assert set(posts[1][aside]) == {0, 1}


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [("folder", "lacks config.json, model.safetensors, vocab.txt"), ("no_such_preset_at_all", "cannot be loaded")],
)
def test_an_encoder_that_cannot_be_had_is_one_sentence(posts, tmp_path, encoder, sentence):
    name = tmp_path / encoder
    if encoder == "folder":
        name.mkdir()
    recipe = bert(name if encoder == "folder" else Path(encoder))
    with pytest.raises(FitError, match=sentence):
        fit(recipe, *posts, out=tmp_path / "out", trained={}, context=FitContext(tmp_path / "cache"))


def test_a_checkpoint_that_was_damaged_is_as_good_as_none(tmp_path):
    checkpoint = Checkpoint(tmp_path, "key")
    assert checkpoint.read() is None
    state = State(3, [np.ones(2)], [], [0.5], 1.0)
    checkpoint.write(state)
    again = checkpoint.read()
    assert again is not None
    assert replace(again, weights=[]) == replace(state, weights=[])
    path = next((tmp_path / "networks").iterdir())
    path.write_bytes(path.read_bytes()[:40])
    assert checkpoint.read() is None
