"""Frozen transformer encoders: from a backbone's weights to the ONNX graph that encodes in training and serving."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vigie_model.sequences import WordPieces
from vigie_model.transformer import TransformerFeatures
from vigie_trainer.encoders.backbone import Backbone, encoder_digest, load_backbone
from vigie_trainer.encoders.graph import GRAPH_VERSION, encoder_graph, encoder_of
from vigie_trainer.encoders.writing import write_folder
from vigie_trainer.fit.errors import FitError
from vigie_trainer.recipe import TransformerSpec

_GRAPH, _PIECES = "encoder.onnx", "pieces.json"


def transformer_features(spec: TransformerSpec, encoder: str, cache: Path, *, threads: int) -> TransformerFeatures:
    """The frozen encoder as the runtime has it. Its graph is kept in `cache`, by the digest of the weights, so that
    TensorFlow is loaded the first time only.

    Raises FitError when the encoder, one of its layers, or the extra `deep` cannot be had.
    """
    folder = cache / "encoders" / _digest(spec, encoder)
    if not folder.is_dir():
        graph, pieces = _exported(spec, encoder)
        write_folder(folder, {_GRAPH: graph, _PIECES: json.dumps(pieces).encode()})
    pieces = json.loads((folder / _PIECES).read_text(encoding="utf-8"))
    words = WordPieces(pieces["vocabulary"], pieces["max_length"], pieces["lowercase"])
    return TransformerFeatures(words, (folder / _GRAPH).read_bytes(), threads)


def _digest(spec: TransformerSpec, encoder: str) -> str:
    made = f"{GRAPH_VERSION} {spec.layers} {spec.max_length} {spec.precision} {encoder_digest(encoder)}"
    return hashlib.sha256(made.encode()).hexdigest()[:32]


def _exported(spec: TransformerSpec, encoder: str) -> tuple[bytes, dict[str, Any]]:
    backbone = load_backbone(encoder)
    pieces = {
        "vocabulary": backbone.vocabulary,
        "max_length": backbone.longest(spec.max_length),
        "lowercase": backbone.lowercase,
    }
    blocks = [layer for layer in backbone.network.layers if layer.name.startswith("transformer_layer")]
    if min(spec.layers) < -len(blocks):
        raise FitError(f"The encoder {encoder} has {len(blocks)} layers; the recipe asks for layer {min(spec.layers)}.")
    weights = encoder_of(backbone.network)
    if weights is not None:
        return encoder_graph(weights, spec.layers, output="embedding", precision=spec.precision), pieces
    from vigie_trainer.fit.networks.graphs import network_graph

    network = _pooled(backbone, [blocks[layer] for layer in spec.layers])
    return network_graph(network, precision=spec.precision, output="embedding"), pieces


def _pooled(backbone: Backbone, blocks: Sequence[Any]) -> Any:
    """A Keras model: token numbers and mask in, the mean over the tokens of each of the layers out, side by side."""
    import keras
    from keras import ops

    middle = keras.Model(backbone.network.inputs, [block.output for block in blocks])
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
    known = {"token_ids": token_ids, "padding_mask": padding_mask, "segment_ids": ops.zeros_like(token_ids)}
    sequences = middle({tensor.name: known[tensor.name] for tensor in backbone.network.inputs})
    mask = ops.expand_dims(ops.cast(padding_mask, "float32"), -1)
    tokens = ops.maximum(ops.sum(mask, axis=1), 1.0)
    means = [ops.sum(sequence * mask, axis=1) / tokens for sequence in _listed(sequences)]
    return keras.Model([token_ids, padding_mask], means[0] if len(means) == 1 else ops.concatenate(means, axis=-1))


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
