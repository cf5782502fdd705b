"""A whole network: token numbers in, margin out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.graph import TokenGraph, graph_file
from vigie_model.heads import Cost
from vigie_model.sequences import Tokens, load_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAPH_FILE = "network.onnx"


class NetworkScorer:
    """An ONNX graph over token numbers.

    Inputs: `token_ids` int32 (n, length), and `padding_mask` int32 (n, length), 1 where a token is, when the graph has
    it. Output: `margin` float32 (n, 1), log-odds of positive. A graph without the mask never sees texts of different
    length together, so that padding changes no score. Raises ArtifactError when the graph is another.
    """

    cost: Cost = "heavy"

    def __init__(self, tokens: Tokens, graph: bytes, threads: int = 1) -> None:
        self.tokens = tokens
        self._graph = TokenGraph(graph, tokens, GRAPH_FILE, output="margin", width=1, threads=threads)

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """What the network says of each text."""
        return self._graph.run(self.tokens.encode(texts)).reshape(-1).astype(np.float64)

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "network", "tokens": self.tokens.describe()}

    def files(self) -> dict[str, bytes]:
        """The vocabulary and the graph."""
        return {**self.tokens.files(), GRAPH_FILE: self._graph.data}


def load_network(tokens: Mapping[str, Any], files: Mapping[str, bytes], *, threads: int) -> NetworkScorer:
    """The network of an artifact whose manifest describes its `tokens`. Raises ArtifactError when it is not sound."""
    return NetworkScorer(load_tokens(tokens, files), graph_file(files, GRAPH_FILE), threads)
