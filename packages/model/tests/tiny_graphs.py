"""Tiny ONNX graphs and vocabularies, made for tests: small enough to be worked out by hand."""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, load_model_from_string, numpy_helper

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "good",
    "bad",
    "not",
    "merci",
    "retard",
    "##s",
    "!",
    "@",
    "user",
]


def table(rows: int, columns: int) -> NDArray[np.float32]:
    """Made-up vectors, one a token number."""
    return np.sin(np.arange(rows * columns, dtype=np.float32)).reshape(rows, columns)


def mean_graph(
    vectors: NDArray[np.float32],
    *,
    output: str,
    weights: NDArray[np.float32] | None = None,
    masked: bool = True,
    token_type: int = TensorProto.INT32,
    length: int | str = "length",
    rows: int | str = "rows",
    extra_input: bool = False,
) -> bytes:
    """The mean of the tokens' vectors (of those under the mask, when there is one), times `weights` when given."""
    tensors = [numpy_helper.from_array(vectors, "vectors"), numpy_helper.from_array(np.array([1]), "second")]
    nodes = [helper.make_node("Gather", ["vectors", "token_ids"], ["embedded"], axis=0)]
    inputs = [helper.make_tensor_value_info("token_ids", token_type, [rows, length])]
    if extra_input:
        inputs.append(helper.make_tensor_value_info("segments", TensorProto.INT32, [rows, length]))
    pooled = output if weights is None else "pooled"
    if masked:
        tensors.append(numpy_helper.from_array(np.array([2]), "third"))
        inputs.append(helper.make_tensor_value_info("padding_mask", token_type, [rows, length]))
        nodes += [
            helper.make_node("Cast", ["padding_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "third"], ["column"]),
            helper.make_node("Mul", ["embedded", "column"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "second"], ["sums"], keepdims=0),
            helper.make_node("ReduceSum", ["mask", "second"], ["counts"], keepdims=1),
            helper.make_node("Div", ["sums", "counts"], [pooled]),
        ]
    else:
        nodes.append(helper.make_node("ReduceMean", ["embedded", "second"], [pooled], keepdims=0))
    width = vectors.shape[1]
    if weights is not None:
        tensors.append(numpy_helper.from_array(weights, "weights"))
        nodes.append(helper.make_node("MatMul", ["pooled", "weights"], [output]))
        width = weights.shape[1]
    answer = helper.make_tensor_value_info(output, TensorProto.FLOAT, [rows, width])
    graph = helper.make_graph(nodes, "mean", inputs, [answer], initializer=tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


def network_graph(size: int, **options: object) -> bytes:
    """A network of `size` token numbers: mean of the vectors, then one margin."""
    weights = np.array([[1.0], [-2.0], [0.5], [3.0]], dtype=np.float32)
    return mean_graph(table(size, 4), output="margin", weights=weights, **options)  # type: ignore[arg-type]


def encoder_graph(size: int, **options: object) -> bytes:
    """An encoder of `size` token numbers: the mean of their vectors of 6 columns."""
    return mean_graph(table(size, 6), output="embedding", **options)  # type: ignore[arg-type]


def quantized_graph(size: int) -> bytes:
    """`network_graph` with its product in whole numbers, whose scale comes from all rows of the batch."""
    model = load_model_from_string(network_graph(size))
    (product,) = [node for node in model.graph.node if node.op_type == "MatMul"]
    weights = np.array([[64], [-128], [32], [127]], dtype=np.int8)
    model.graph.initializer.append(numpy_helper.from_array(weights, "whole_weights"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(1 / 64, dtype=np.float32), "weight_scale"))
    nodes = [node for node in model.graph.node if node is not product]
    nodes += [
        helper.make_node("DynamicQuantizeLinear", ["pooled"], ["whole", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["whole", "whole_weights", "zero"], ["whole_margin"]),
        helper.make_node("Cast", ["whole_margin"], ["float_margin"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["scale", "weight_scale"], ["both_scales"]),
        helper.make_node("Mul", ["float_margin", "both_scales"], ["margin"]),
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())
