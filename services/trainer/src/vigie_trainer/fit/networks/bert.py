"""Fine-tuning a BERT-like encoder through KerasHub, and its ONNX graph."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from vigie_model import NetworkScorer, WordPieces
from vigie_trainer.encoders.backbone import MINILM, encoder_digest, load_backbone, require_deep
from vigie_trainer.encoders.graph import GRAPH_VERSION, encoder_graph, encoder_of
from vigie_trainer.encoders.writing import write_folder
from vigie_trainer.fit.networks.batches import Masking
from vigie_trainer.fit.networks.checkpoint import Checkpoint, training_key
from vigie_trainer.fit.networks.graphs import network_graph
from vigie_trainer.fit.networks.trained import TrainedNetwork
from vigie_trainer.fit.networks.training import loss_curve, train_network, use_threads
from vigie_trainer.fit.task import Task
from vigie_trainer.network_recipe import BertSpec

_GRAPH, _KNOWN = "graph.onnx", "training.json"


def train_bert(spec: BertSpec, task: Task) -> TrainedNetwork:
    """Fine-tune the encoder of `spec` on the task's sample; what an earlier, interrupted training left is used.

    Raises FitError when the extra is not installed or the encoder cannot be had.
    """
    sample, folder = task.sample, task.context.cache
    spec = spec.for_rows(len(sample.texts))
    encoder = spec.encoder or task.context.encoders.transformer or MINILM
    # What is the same training by another name has the same key.
    described = spec.model_dump(mode="json", exclude={"precision", "encoder", "dropout_below"})
    del described["schedule"]["epochs"], described["schedule"]["max_examples"]
    described["examples"] = spec.schedule.examples(len(sample.texts))
    key = training_key(described, sample, seed=task.seed, start=encoder_digest(encoder))
    # Keras' own converter numbers what it makes by chance, so one training's graph is kept, not made again.
    finished = folder / "networks" / f"{key}-{spec.precision}-{GRAPH_VERSION}"
    if not finished.is_dir():
        write_folder(finished, _trained(spec, encoder, Checkpoint(folder, key), task))
    task.progress("fit", 1.0)
    known = json.loads((finished / _KNOWN).read_text(encoding="utf-8"))
    pieces = WordPieces(known["vocabulary"], max_length=known["max_length"], lowercase=known["lowercase"])
    scorer = NetworkScorer(pieces, (finished / _GRAPH).read_bytes(), task.threads)
    return TrainedNetwork(scorer, known["seconds"], {"loss": loss_curve(known["losses"])})


def _masking(spec: BertSpec, vocabulary: Sequence[str]) -> Masking:
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    hidden = numbers.get("[MASK]", numbers["[UNK]"])
    return Masking(spec.word_dropout, hidden, tuple(numbers[piece] for piece in ("[PAD]", "[CLS]", "[SEP]")))


def _trained(spec: BertSpec, encoder: str, checkpoint: Checkpoint, task: Task) -> dict[str, bytes]:
    require_deep("The recipe bert")
    use_threads(task.threads)
    backbone = load_backbone(encoder, dropout=spec.dropout)
    import keras

    keras.utils.set_random_seed(task.seed)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
    pooled = keras.layers.Dropout(spec.dropout, seed=task.seed)(backbone.mean_pooled(token_ids, padding_mask))
    margin = keras.layers.Dense(1, kernel_initializer="glorot_uniform", name="margin")
    network = keras.Model([token_ids, padding_mask], margin(pooled))
    longest = backbone.longest(spec.max_length)
    pieces = WordPieces(backbone.vocabulary, max_length=longest, lowercase=backbone.lowercase)
    encoded = pieces.encode(task.sample.texts)
    masking = _masking(spec, backbone.vocabulary)
    losses, seconds = train_network(network, encoded, spec.schedule, checkpoint, task, masking=masking)
    known = {
        "vocabulary": backbone.vocabulary,
        "max_length": longest,
        "lowercase": backbone.lowercase,
        "seconds": seconds,
        "losses": losses,
    }
    weights = encoder_of(backbone.network)
    if weights is None:
        graph = network_graph(network, precision=spec.precision)
    else:
        dense = (np.asarray(margin.kernel), np.asarray(margin.bias))
        graph = encoder_graph(weights, [-1], output="margin", dense=dense, precision=spec.precision)
    return {_GRAPH: graph, _KNOWN: json.dumps(known).encode()}
