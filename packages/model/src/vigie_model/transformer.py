"""A frozen encoder as an ONNX graph: word pieces in, one embedding a text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.graph import TokenGraph, graph_file
from vigie_model.heads import Cost
from vigie_model.sequences import WordPieces, load_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAPH_FILE = "encoder.onnx"


class TransformerFeatures:
    """The encoder's output `embedding`, float32 (n, width), already one row a text.

    Its inputs are those of a network: `token_ids`, and `padding_mask` when it has that. Raises ArtifactError when the
    graph is another.
    """

    cost: Cost = "heavy"

    def __init__(self, pieces: WordPieces, graph: bytes, threads: int = 1) -> None:
        self.pieces = pieces
        self._graph = TokenGraph(graph, pieces, GRAPH_FILE, output="embedding", width=None, threads=threads)
        self.width = self._graph.width

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The embedding of each text, float32, shape (len(texts), width)."""
        return self._graph.run(self.pieces.encode(texts))

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "transformer", "tokens": self.pieces.describe(), "width": self.width}

    def files(self) -> dict[str, bytes]:
        """The vocabulary and the graph."""
        return {**self.pieces.files(), GRAPH_FILE: self._graph.data}


def load_transformer(entry: Mapping[str, Any], files: Mapping[str, bytes], *, threads: int) -> TransformerFeatures:
    """The features that a manifest describes. Raises ArtifactError when the entry or a file is not sound."""
    described = entry.get("tokens")
    pieces = load_tokens(described if isinstance(described, dict) else {}, files)
    if not isinstance(pieces, WordPieces):
        raise ArtifactError("A frozen encoder takes word pieces, which the manifest does not describe.")
    features = TransformerFeatures(pieces, graph_file(files, GRAPH_FILE), threads)
    if entry.get("width") != features.width:
        raise ArtifactError(f"{GRAPH_FILE} gives {features.width} columns, the manifest says {entry.get('width')}.")
    return features
