"""Classifier heads: from a row of features to a margin that rises with P(positive).

LinearHead     weights in an npz file; margin = log-odds
ForestHead     an ONNX graph; margin = mean vote for positive
BoosterHead    a LightGBM text file; margin = raw score (log-odds)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from vigie_model.artifact import pack_arrays, unpack_arrays
from vigie_model.errors import ArtifactError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

Cost = Literal["light", "heavy"]


class Head(Protocol):
    """What every head offers."""

    cost: Cost
    """light: microseconds, run inline; heavy: run in a thread."""

    def margins(self, rows: csr_matrix) -> NDArray[np.float64]:
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
        if not (np.isfinite(self.weights).all() and np.isfinite(self.intercept)):
            raise ArtifactError("The weights of the linear head are not all finite numbers.")

    def margins(self, rows: csr_matrix) -> NDArray[np.float64]:
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

    def margins(self, rows: csr_matrix) -> NDArray[np.float64]:
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
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._graph = graph
        self.width = width
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises types of its C++ core that it does not publish
            raise ArtifactError("head.onnx is not a graph that onnxruntime can run.") from error
        shape = self._session.get_inputs()[0].shape
        if shape[-1] != width:
            raise ArtifactError(f"head.onnx takes {shape[-1]} columns, the manifest says {width}.")

    def margins(self, rows: csr_matrix) -> NDArray[np.float64]:
        """The mean vote for positive of each row, in [0, 1]."""
        out = np.zeros(rows.shape[0])
        for start in range(0, rows.shape[0], self._BATCH):
            dense = rows[start : start + self._BATCH].astype(np.float32).toarray()
            out[start : start + self._BATCH] = self._session.run(["margin"], {"rows": dense})[0].reshape(-1)
        return out

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "forest", "width": self.width}

    def files(self) -> dict[str, bytes]:
        """The graph."""
        return {"head.onnx": self._graph}


def load_head(entry: Mapping[str, Any], files: Mapping[str, bytes], *, threads: int) -> Head:
    """The head that a manifest describes. Raises ArtifactError for an unknown kind or an unsound file."""
    kind = entry.get("kind")
    expected = {"linear": "head.npz", "forest": "head.onnx", "lightgbm": "head.txt"}.get(str(kind))
    if expected is None:
        raise ArtifactError(f"Unknown head {kind!r}: this version of vigie_model knows linear, forest and lightgbm.")
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
