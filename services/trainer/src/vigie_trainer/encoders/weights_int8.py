"""Matrices of an ONNX graph kept as 8-bit numbers and unpacked when the graph is loaded."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALLEST = 4_096  # numbers; below it there is nothing to gain


def store_weights_in_int8(model: Any) -> None:
    """Replace each large float32 matrix of the graph, in place, by 8-bit numbers and a scale.

    A matrix that is multiplied has a scale for each of its columns, a table whose rows are looked up has one for each
    row, and only the rows that a text needs are unpacked. Multiplied ones are unpacked once, when the runtime folds
    constants: from then on the graph computes in float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    tables = {node.input[0] for node in graph.node if node.op_type == "Gather"}
    kept, added, nodes = [], [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2 or np.prod(tensor.dims) < _SMALLEST:
            kept.append(tensor)
            continue
        name, matrix = tensor.name, numpy_helper.to_array(tensor)
        numbers, scale = _packed(matrix, by_row=name in tables)
        added += [numpy_helper.from_array(numbers, f"{name}_int8"), numpy_helper.from_array(scale, f"{name}_scale")]
        if name not in tables:
            nodes.append(helper.make_node("Cast", [f"{name}_int8"], [f"{name}_float"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [name]))
    packed_tables = tables & {tensor.name.removesuffix("_int8") for tensor in added if tensor.name.endswith("_int8")}
    for node in graph.node:
        if node.op_type != "Gather" or node.input[0] not in packed_tables:
            nodes.append(node)
            continue
        name, rows, out = node.input[0], node.input[1], node.output[0]
        nodes += [
            helper.make_node("Gather", [f"{name}_int8", rows], [f"{out}_int8"]),
            helper.make_node("Gather", [f"{name}_scale", rows], [f"{out}_scale"]),
            helper.make_node("Cast", [f"{out}_int8"], [f"{out}_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{out}_float", f"{out}_scale"], [out]),
        ]
    # Copied before the old ones are cleared, whose memory they share.
    nodes, tensors = [copy.deepcopy(node) for node in nodes], [copy.deepcopy(tensor) for tensor in [*kept, *added]]
    graph.ClearField("initializer")
    graph.initializer.extend(tensors)
    graph.ClearField("node")
    graph.node.extend(nodes)


def _packed(matrix: NDArray[np.float32], *, by_row: bool) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Numbers from -127 to 127, and the scale that the largest of each row, or of each last index, sets."""
    axes = tuple(range(1, matrix.ndim)) if by_row else tuple(range(matrix.ndim - 1))
    largest = np.abs(matrix).max(axis=axes, keepdims=True)
    scale = np.where(largest > 0.0, largest / 127.0, 1.0).astype(np.float32)
    return np.round(matrix / scale).astype(np.int8), scale
