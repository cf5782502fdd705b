"""A bidirectional LSTM over words, and its ONNX graph."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_model import Cleaner, NetworkScorer, WordIndex
from vigie_trainer.encoders.backbone import require_deep
from vigie_trainer.encoders.glove import read_glove
from vigie_trainer.fit.networks.bilstm_graph import bilstm_graph
from vigie_trainer.fit.networks.checkpoint import Checkpoint, training_key
from vigie_trainer.fit.networks.trained import TrainedNetwork
from vigie_trainer.fit.networks.training import loss_curve, train_network, use_threads
from vigie_trainer.fit.task import Task
from vigie_trainer.network_recipe import BilstmSpec
from vigie_trainer.recipe import Cleaning

_SPECIAL = 2  # padding and unknown


def train_bilstm(spec: BilstmSpec, cleaning: Cleaning, task: Task) -> TrainedNetwork:
    """Train the network of `spec` on the task's sample; what an earlier, interrupted training left is used.

    Raises FitError when the extra is not installed or the GloVe file cannot be read.
    """
    require_deep("The recipe bilstm")
    use_threads(task.threads)
    texts, seed = task.sample.texts, task.seed
    import keras

    keras.utils.clear_session()  # layers are numbered as they are made
    keras.utils.set_random_seed(seed)
    index = _index(spec, Cleaner(cleaning.options()), texts)
    embeddings, source = _embeddings(spec, index.vocabulary, task.context.encoders.glove, seed)
    network = _network(spec, embeddings, seed)
    described = {**spec.model_dump(mode="json"), "cleaning": cleaning.model_dump(mode="json")}
    checkpoint = Checkpoint(task.context.cache, training_key(described, task.sample, seed=seed, start=source))
    losses, seconds = train_network(network, index.encode(texts), spec.schedule, checkpoint, task, same_length=True)
    graph = bilstm_graph(
        network.get_layer("words").get_weights()[0],
        network.get_layer("forward").get_weights(),
        network.get_layer("backward").get_weights(),
        network.get_layer("margin").get_weights(),
    )
    return TrainedNetwork(NetworkScorer(index, graph, task.threads), seconds, {"loss": loss_curve(losses)})


def _index(spec: BilstmSpec, cleaner: Cleaner, texts: Sequence[str]) -> WordIndex:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(cleaner.tokens(text))
    # Ties in alphabetical order: equal texts give equal vocabularies.
    ranked = sorted(counts.items(), key=lambda found: (-found[1], found[0]))
    words = [word for word, count in ranked[: spec.words] if count >= spec.min_count]
    return WordIndex(cleaner, words or [ranked[0][0]], spec.max_length)


def _embeddings(
    spec: BilstmSpec, words: Sequence[str], glove: Path | None, seed: int
) -> tuple[NDArray[np.float32], str]:
    """What the embeddings start from, a row a word after padding and unknown, and a digest of their source."""
    rng = np.random.default_rng(seed)
    if glove is None or spec.vectors == "none":
        table = rng.uniform(-0.05, 0.05, (len(words) + _SPECIAL, spec.dimensions))
        return table.astype(np.float32), "none"
    vectors = dict(zip(*read_glove(glove, most=0, wanted=frozenset(words)), strict=True))
    known = np.stack(list(vectors.values()))
    table = rng.normal(0.0, float(known.std()) / 2.0, (len(words) + _SPECIAL, known.shape[1]))
    for row, word in enumerate(words, _SPECIAL):
        if word in vectors:
            table[row] = vectors[word]
    return table.astype(np.float32), hashlib.sha256(known.tobytes()).hexdigest()


def _network(spec: BilstmSpec, embeddings: NDArray[np.float32], seed: int) -> Any:
    import keras

    layers = keras.layers
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
    table = keras.initializers.Constant(embeddings)
    words = layers.Embedding(*embeddings.shape, embeddings_initializer=table, name="words")(token_ids)
    words = layers.SpatialDropout1D(spec.dropout, seed=seed)(words)
    forward = layers.LSTM(spec.units, return_sequences=True, name="forward")(words)
    backward = layers.LSTM(spec.units, return_sequences=True, go_backwards=True, name="backward")(words)
    both = layers.Concatenate()([forward, keras.ops.flip(backward, axis=1)])
    pooled = layers.Concatenate()([layers.GlobalMaxPooling1D()(both), layers.GlobalAveragePooling1D()(both)])
    margin = layers.Dense(1, name="margin")(layers.Dropout(spec.dropout, seed=seed + 1)(pooled))
    return keras.Model([token_ids, padding_mask], margin)
