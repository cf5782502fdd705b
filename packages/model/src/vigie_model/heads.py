"""Classifier heads: from a row of features to a margin that rises with P(positive).

LinearHead     weights in an npz file; margin = log-odds
ForestHead     an ONNX graph; margin = mean vote for positive
BoosterHead    a LightGBM text file; margin = raw score (log-odds)
MlpHead        layers in an npz file; margin = log-odds

A head takes sparse rows (float64) and dense ones (float32) alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from vigie_model.artifact import pack_arrays, unpack_arrays
from vigie_model.errors import ArtifactError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Rows = csr_matrix | NDArray[np.float32] | NDArray[np.float64]
    Layer = tuple[NDArray[np.float32], NDArray[np.float32]]

Cost = Literal["light", "heavy"]


_FILES = {"linear": "head.npz", "forest": "head.onnx", "lightgbm": "head.txt", "mlp": "head.npz"}


class Head(Protocol):
    """What every head offers."""

    cost: Cost
    """light: microseconds, run inline; heavy: run in a thread."""
    width: int
    """Columns of a row that it takes."""

    def margins(self, rows: Rows) -> NDArray[np.float64]:
        """One margin a row, float64, shape (rows,)."""
        ...

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        ...

    def files(self) -> dict[str, bytes]:
        """The data files, by name."""
        ...


class LinearHead:
    """Logistic regression: `weights` has one number a column, float64."""

    cost: Cost = "light"

    def __init__(self, weights: NDArray[np.float64], intercept: float) -> None:
        self.weights = np.asarray(weights, dtype=np.float64).reshape(-1)
        self.intercept = float(intercept)
        self.width = len(self.weights)
        if not (np.isfinite(self.weights).all() and np.isfinite(self.intercept)):
            raise ArtifactError("The weights of the linear head are not all finite numbers.")

    def margins(self, rows: Rows) -> NDArray[np.float64]:
        """Log-odds of positive of each row."""
        return np.asarray(rows @ self.weights + self.intercept, dtype=np.float64)

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "linear", "intercept": self.intercept, "width": len(self.weights)}

    def files(self) -> dict[str, bytes]:
        """The weights."""
        return {"head.npz": pack_arrays({"weights": self.weights})}


class BoosterHead:
    """Gradient-boosted trees in LightGBM's own text format."""

    cost: Cost = "heavy"

    def __init__(self, text: str, threads: int = 1) -> None:
        import lightgbm

        self._text = text
        self._threads = threads
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise ArtifactError("head.txt is not a LightGBM model.") from error
        self.width = int(self._booster.num_feature())

    def margins(self, rows: Rows) -> NDArray[np.float64]:
        """The raw score (log-odds) of each row."""
        if rows.shape[0] == 0:
            return np.zeros(0)
        scores = self._booster.predict(rows, raw_score=True, num_threads=self._threads)
        return np.asarray(scores, dtype=np.float64).reshape(-1)

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "lightgbm", "width": self.width}

    def files(self) -> dict[str, bytes]:
        """The model text."""
        return {"head.txt": self._text.encode()}


class ForestHead:
    """A forest as an ONNX graph: input `rows` float32 (n, width), output `margin` float32 (n, 1)."""

    cost: Cost = "heavy"
    _BATCH = 512

    def __init__(self, graph: bytes, width: int, threads: int = 1) -> None:
        from vigie_model.graph import open_graph

        self._graph = graph
        self.width = width
        self._session = open_graph(graph, "head.onnx", threads)
        shape = self._session.get_inputs()[0].shape
        if shape[-1] != width:
            raise ArtifactError(f"head.onnx takes {shape[-1]} columns, the manifest says {width}.")

    def margins(self, rows: Rows) -> NDArray[np.float64]:
        """The mean vote for positive of each row, in [0, 1]."""
        out = np.zeros(rows.shape[0])
        for start in range(0, rows.shape[0], self._BATCH):
            part = rows[start : start + self._BATCH].astype(np.float32)
            dense = part if isinstance(part, np.ndarray) else part.toarray()
            out[start : start + self._BATCH] = self._session.run(["margin"], {"rows": dense})[0].reshape(-1)
        return out

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "forest", "width": self.width}

    def files(self) -> dict[str, bytes]:
        """The graph."""
        return {"head.onnx": self._graph}


class MlpHead:
    """A multilayer perceptron: max(0, ·) between the layers, the last of which gives one number.

    `layers` holds (weights of shape (in, out), bias of shape (out,)), first to last. Raises ArtifactError when the
    layers do not fit together or a number is not finite.
    """

    cost: Cost = "light"

    def __init__(self, layers: Sequence[Layer]) -> None:
        # In float64, so that a product of many rows and of one differ by 1e-15 at most.
        self._layers = [
            (np.asarray(weights, dtype=np.float64), np.asarray(bias, dtype=np.float64)) for weights, bias in layers
        ]
        widths = [weights.shape[0] for weights, _ in self._layers if weights.ndim == 2] + [1]
        if not self._layers or [(w.shape, b.shape) for w, b in self._layers] != [
            ((taken, given), (given,)) for taken, given in pairwise(widths)
        ]:
            raise ArtifactError("The layers of the network head do not fit together.")
        if not all(np.isfinite(array).all() for layer in self._layers for array in layer):
            raise ArtifactError("The weights of the network head are not all finite numbers.")
        self.width = widths[0]

    def margins(self, rows: Rows) -> NDArray[np.float64]:
        """Log-odds of positive of each row."""
        *hidden, (weights, bias) = self._layers
        values: Any = rows.astype(np.float64)
        for inner, shift in hidden:
            values = np.maximum(values @ inner + shift, 0.0)
        return np.asarray(values @ weights + bias, dtype=np.float64).reshape(-1)

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "mlp", "width": self.width, "layers": len(self._layers)}

    def files(self) -> dict[str, bytes]:
        """The layers, as float32."""
        arrays: dict[str, NDArray[np.float32]] = {}
        for number, (weights, bias) in enumerate(self._layers):
            arrays[f"weights_{number}"] = weights.astype(np.float32)
            arrays[f"bias_{number}"] = bias.astype(np.float32)
        return {"head.npz": pack_arrays(arrays)}


def load_head(entry: Mapping[str, Any], files: Mapping[str, bytes], *, threads: int) -> Head:
    """The head that a manifest describes. Raises ArtifactError for an unknown kind or an unsound file."""
    kind = entry.get("kind")
    expected = _FILES.get(str(kind))
    if expected is None:
        raise ArtifactError(f"Unknown head {kind!r}: this version of vigie_model knows {', '.join(_FILES)}.")
    if expected not in files:
        raise ArtifactError(f"The artifact has no {expected}, which its head needs.")
    data = files[expected]
    if kind == "linear":
        weights = unpack_arrays(data, expected).get("weights")
        if weights is None or weights.ndim != 1 or weights.dtype.kind != "f":
            raise ArtifactError("head.npz does not hold the weights of a linear head.")
        intercept = entry.get("intercept")
        if not isinstance(intercept, float):
            raise ArtifactError("The linear head's intercept is not a decimal number.")
        return LinearHead(weights.astype(np.float64), intercept)
    if kind == "mlp":
        return MlpHead(_layers(unpack_arrays(data, expected), entry.get("layers")))
    if kind == "forest":
        width = entry.get("width")
        if not isinstance(width, int):
            raise ArtifactError("The forest's width is not a whole number.")
        return ForestHead(data, width, threads)
    if (
        b"\nend of trees" not in data or b"\nend of parameters" not in data
    ):  # LightGBM reads past the end of a text that was cut short
        raise ArtifactError("head.txt is not a whole LightGBM model.")
    return BoosterHead(data.decode("utf-8", "replace"), threads)


def _layers(arrays: Mapping[str, NDArray[Any]], number: object) -> list[Layer]:
    if not isinstance(number, int) or {*arrays} != {
        f"{part}_{n}" for n in range(number) for part in ("weights", "bias")
    }:
        raise ArtifactError("head.npz does not hold the layers of a network head.")
    if any(array.dtype.kind != "f" for array in arrays.values()):
        raise ArtifactError("head.npz does not hold decimal numbers.")
    return [(arrays[f"weights_{n}"], arrays[f"bias_{n}"]) for n in range(number)]
