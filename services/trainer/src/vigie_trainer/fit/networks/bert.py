"""Fine-tuning a BERT-like encoder through KerasHub, and its ONNX graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_model import NetworkScorer, WordPieces
from vigie_trainer.encoders.backbone import folder_of, load_backbone, require_deep
from vigie_trainer.fit.networks.checkpoint import Checkpoint, file_digest, training_key
from vigie_trainer.fit.networks.graphs import network_graph
from vigie_trainer.fit.networks.trained import TrainedNetwork
from vigie_trainer.fit.networks.training import loss_curve, train_network, use_threads
from vigie_trainer.network_recipe import BertSpec


def train_bert(
    spec: BertSpec,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    checkpoints: Any,
    seed: int,
    threads: int,
    progress: Callable[[float], None],
) -> TrainedNetwork:
    """Fine-tune the encoder of `spec` on the texts; the checkpoints of an earlier, interrupted training are used.

    Raises FitError when the extra is not installed or the encoder cannot be had.
    """
    require_deep("The recipe bert")
    use_threads(threads)
    backbone = load_backbone(spec.encoder, dropout=spec.dropout)
    import keras

    keras.utils.set_random_seed(seed)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
    pooled = keras.layers.Dropout(spec.dropout, seed=seed)(backbone.mean_pooled(token_ids, padding_mask))
    margin = keras.layers.Dense(1, kernel_initializer="glorot_uniform", name="margin")(pooled)
    network = keras.Model([token_ids, padding_mask], margin)

    pieces = WordPieces(backbone.vocabulary, max_length=spec.max_length, lowercase=backbone.lowercase)
    folder = folder_of(spec.encoder)
    start = file_digest(folder / "model.safetensors") if folder else spec.encoder
    described = spec.model_dump(mode="json", exclude={"precision", "encoder"})
    key = training_key(described, texts, labels, seed=seed, start=start)
    losses, seconds = train_network(
        network,
        pieces.encode(texts),
        labels,
        weights,
        spec.schedule,
        Checkpoint(checkpoints, key),
        seed=seed,
        progress=progress,
    )
    graph = network_graph(network, int8=spec.precision == "int8")
    return TrainedNetwork(NetworkScorer(pieces, graph), seconds, {"loss": loss_curve(losses)})
