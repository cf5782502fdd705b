"""The ONNX graph of the bidirectional LSTM, written with ONNX's own LSTM operator.

Keras' export turns a masked LSTM into a loop over the words, many times slower, and an unmasked one reads the padding
of its batch. The operator takes the length of each text, so a text scores the same in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_OPSET = 17
_ABSENT = -1e9  # never the maximum of anything


def bilstm_graph(
    embeddings: Floats, forward: Sequence[Floats], backward: Sequence[Floats], dense: Sequence[Floats]
) -> bytes:
    """The graph: token_ids and padding_mask, int32 (n, L), to margin, float32 (n, 1).

    Args:
        embeddings: shape (words, d); kept as 16-bit numbers.
        forward, backward: kernel (d, 4 u), recurrent kernel (u, 4 u) and bias (4 u) as Keras holds them.
        dense: kernel (4 u, 1) and bias (1), over the maximum of both directions, then their mean.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    units = forward[1].shape[0]
    pairs = [_as_onnx(forward, units), _as_onnx(backward, units)]
    constants: dict[str, NDArray[Any]] = {
        "embeddings": embeddings.astype(np.float16),
        "kernel": np.stack([pair[0] for pair in pairs]),
        "recurrent": np.stack([pair[1] for pair in pairs]),
        "bias": np.stack([pair[2] for pair in pairs]),
        "dense_kernel": dense[0].astype(np.float32),
        "dense_bias": dense[1].astype(np.float32),
        "axis_of_words": np.array([1], dtype=np.int64),
        "last_axis": np.array([2], dtype=np.int64),
        "flat": np.array([0, 0, -1], dtype=np.int64),
        "one": np.array(1.0, dtype=np.float32),
        "absent": np.array(_ABSENT, dtype=np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["embeddings", "token_ids"], ["words_16"]),
        node("Cast", ["words_16"], ["words"], to=TensorProto.FLOAT),
        node("Transpose", ["words"], ["by_step"], perm=[1, 0, 2]),
        node("ReduceSum", ["padding_mask", "axis_of_words"], ["lengths"], keepdims=0),
        node(
            "LSTM",
            ["by_step", "kernel", "recurrent", "bias", "lengths"],
            ["states"],
            direction="bidirectional",
            hidden_size=units,
        ),
        # (L, 2, n, u) to (n, L, 2 u)
        node("Transpose", ["states"], ["by_text"], perm=[2, 0, 1, 3]),
        node("Reshape", ["by_text", "flat"], ["both"]),
        node("Cast", ["padding_mask"], ["mask_2"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask_2", "last_axis"], ["mask"]),
        node("Sub", ["one", "mask"], ["padding"]),
        node("Mul", ["padding", "absent"], ["penalty"]),
        node("Add", ["both", "penalty"], ["masked"]),
        node("ReduceMax", ["masked"], ["maximum"], axes=[1], keepdims=0),
        node("Mul", ["both", "mask"], ["present"]),
        node("ReduceSum", ["present", "axis_of_words"], ["total"], keepdims=0),
        node("ReduceSum", ["mask", "axis_of_words"], ["count"], keepdims=0),
        node("Div", ["total", "count"], ["mean"]),
        node("Concat", ["maximum", "mean"], ["pooled"], axis=1),
        node("Gemm", ["pooled", "dense_kernel", "dense_bias"], ["margin"]),
    ]
    grid = ["n", "length"]
    graph = helper.make_graph(
        nodes,
        "bilstm",
        [helper.make_tensor_value_info(name, TensorProto.INT32, grid) for name in ("token_ids", "padding_mask")],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def _as_onnx(weights: Sequence[Floats], units: int) -> tuple[Floats, Floats, Floats]:
    """Kernel (4 u, d), recurrent kernel (4 u, u), both biases (8 u). ONNX orders the gates i o f c, Keras i f c o."""

    def gates(matrix: Floats) -> Floats:
        i, f, c, o = np.split(matrix, 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1).astype(np.float32)

    bias = gates(weights[2])
    return gates(weights[0]).T, gates(weights[1]).T, np.concatenate([bias, np.zeros(4 * units, dtype=np.float32)])
