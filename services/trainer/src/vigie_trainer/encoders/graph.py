"""The ONNX graph of a BERT-like encoder, operator by operator.

Keras' export spells a layer out in a hundred small operations, of which the runtime can join few, and most of whose
products escape an 8-bit quantization. Here attention and GELU are one of ONNX Runtime's own operators each
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md), and all tokens of a batch are the rows of
one matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.encoders.weights_int8 import store_weights_in_int8

GRAPH_VERSION = 3
"""Raise it when the graph that is made of the same weights changes."""

Precision = Literal["fp32", "int8_weights", "int8"]
Floats = NDArray[np.float32]

_OPSET, _IR_VERSION = 17, 8
_RUNTIME = "com.microsoft"
_MASKED = -1e9  # added to what attention may not look at
_NUMBERS = 127.0  # that a row or a column is rounded to have, on either side of zero
_MIDDLE = 128  # the runtime's fast products take the rows without a sign
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Encoder:
    """The weights of an encoder that normalizes after each residual (BERT, DistilBERT), and what they do not say.

    Attributes:
        words: table of word pieces, shape (pieces, width).
        positions: table of positions, shape (longest, width), with the embedding of the only segment in it.
        weights: all others by their path in Keras, such as `transformer_layer_0/self_attention_layer/query/kernel`.
        layers: number of layers.
        heads: heads of attention in each.
        exact_gelu: the activation is x Φ(x), and not its approximation by tanh.
        epsilon: of the normalizations.
    """

    words: Floats
    positions: Floats
    weights: Mapping[str, Floats]
    layers: int
    heads: int
    exact_gelu: bool
    epsilon: float


def encoder_of(network: Any) -> Encoder | None:
    """The weights of a KerasHub backbone; None when it is neither BERT nor DistilBERT, or its activation no GELU."""
    import keras_hub

    if not isinstance(network, keras_hub.models.BertBackbone | keras_hub.models.DistilBertBackbone):
        return None
    layer = network.get_layer("transformer_layer_0")
    exact = {"gelu": True, "gelu_approximate": False}.get(layer.activation.__name__)
    if exact is None:
        return None
    weights = {weight.path: np.asarray(weight.numpy(), dtype=np.float32) for weight in network.weights}
    (words,) = (value for path, value in weights.items() if path.endswith("token_embedding/embeddings"))
    (positions,) = (value for path, value in weights.items() if path.endswith("position_embedding/embeddings"))
    if "segment_embedding/embeddings" in weights:
        positions = positions + weights["segment_embedding/embeddings"][0]
    return Encoder(
        words, positions, weights, network.num_layers, network.num_heads, exact, float(layer.layer_norm_epsilon)
    )


def encoder_graph(
    encoder: Encoder,
    layers: Sequence[int],
    *,
    output: str,
    dense: tuple[Floats, Floats] | None = None,
    precision: Precision = "fp32",
) -> bytes:
    """An ONNX graph: `token_ids` and `padding_mask`, int32 (n, L), to `output`, float32 (n, width).

    Args:
        encoder: the weights.
        layers: whose outputs are averaged over the tokens of a text and put side by side; -1 is the last.
        output: its name.
        dense: kernel (width, 1) and bias (1) of a last layer over that; the output's width is then 1.
        precision: `int8_weights` keeps the matrices as 8-bit numbers, a quarter of the size, and computes in float32.
            `int8` multiplies 8-bit numbers, too. Each token has a scale of its own, as has each column of a matrix, so
            that a text scores the same in any company (LLM.int8(), https://arxiv.org/abs/2208.07339, section 2.1).
    """
    model = _Writer(encoder, int8=precision == "int8").model(layers, output, dense)
    if precision != "fp32":
        store_weights_in_int8(model)
    return bytes(model.SerializeToString())


class _Writer:
    """Nodes and constants of one graph, in the order in which they run. Methods return the name of what they add."""

    def __init__(self, encoder: Encoder, *, int8: bool) -> None:
        self._encoder = encoder
        self._width = encoder.words.shape[1]
        self._int8 = int8
        self._nodes: list[Any] = []
        self._constants: dict[str, NDArray[Any]] = {}

    def model(self, layers: Sequence[int], output: str, dense: tuple[Floats, Floats] | None) -> Any:
        from onnx import TensorProto, helper, numpy_helper

        wanted = [layer % self._encoder.layers for layer in layers]
        tokens, means = self._embedded(), dict[int, str]()
        for number in range(max(wanted) + 1):
            tokens = self._layer(number, tokens)
            if number in wanted:
                means[number] = self._mean(number, tokens)
        last = self._add("Concat", [means[number] for number in wanted], "pooled", axis=-1)
        if dense is not None:
            kernel, bias = (self._constant(f"dense/{name}", value) for name, value in zip("wb", dense, strict=True))
            last = self._add("Gemm", [last, kernel, bias], "dense")
        self._add("Identity", [last], output)
        width = 1 if dense is not None else self._width * len(wanted)
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", "length"]) for name in _INPUTS],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", width])],
            [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in self._constants.items()],
        )
        operators = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_RUNTIME, 1)]
        return helper.make_model(graph, opset_imports=operators, ir_version=_IR_VERSION)

    def _embedded(self) -> str:
        """The embeddings of all tokens, one a row, and what all layers share: shapes, and the share of each token."""
        from onnx import TensorProto

        zero, one, two = (self._whole(str(number), number) for number in (0, 1, 2))
        grid = self._add("Shape", ["token_ids"], "grid")
        self._add("Concat", [grid, self._whole("width", self._width)], "by_text", axis=0)
        self._whole("by_token", -1, self._width)
        mask = self._add("Cast", ["padding_mask"], "mask", to=TensorProto.FLOAT)
        count = self._add("ReduceSum", [mask, one], "count", keepdims=1)
        share = self._add("Div", [mask, self._add("Max", [count, self._number("at_least", 1.0)], "tokens")], "share")
        self._add("Unsqueeze", [share, one], "shares")
        if self._int8:
            total = self._add("Size", ["token_ids"], "total")
            rows = self._add("Reshape", [total, one], "rows")
            self._add("Expand", [self._constant("middle", np.array(_MIDDLE, dtype=np.uint8)), rows], "middles")

        words = self._add("Gather", [self._constant("words", self._encoder.words), "token_ids"], "words_of_texts")
        length = self._add("Slice", [grid, one, two, zero], "length")
        table = self._constant("positions", self._encoder.positions)
        positions = self._add("Slice", [table, zero, length, zero], "positions_of_texts")
        both = self._add("Add", [words, positions], "embedded")
        return self._normalized("embeddings_layer_norm", self._add("Reshape", [both, "by_token"], "embedded_tokens"))

    def _layer(self, number: int, tokens: str) -> str:
        layer = f"transformer_layer_{number}"
        seen = self._residual(f"{layer}/self_attention_layer/attention_output", self._attention(layer, tokens), tokens)
        seen = self._normalized(f"{layer}/self_attention_layer_norm", seen)
        inner = f"{layer}/feedforward_intermediate_dense"
        product = self._product(inner, seen, self._weights(f"{inner}/kernel"))
        gelu = "BiasGelu" if self._encoder.exact_gelu else "FastGelu"
        active = self._add(gelu, [product, self._weight(f"{inner}/bias")], f"{layer}/active", domain=_RUNTIME)
        thought = self._residual(f"{layer}/feedforward_output_dense", active, seen)
        return self._normalized(f"{layer}/feedforward_layer_norm", thought)

    def _attention(self, layer: str, tokens: str) -> str:
        name = f"{layer}/self_attention_layer"
        kernels = [self._weights(f"{name}/{part}/kernel").reshape(self._width, -1) for part in _ATTENTION]
        biases = [self._weights(f"{name}/{part}/bias").reshape(-1) for part in _ATTENTION]
        together = self._product(name, tokens, np.concatenate(kernels, axis=1))
        parts = self._split(together, [f"{name}/{part}" for part in _ATTENTION])
        by_text = [self._add("Reshape", [part, "by_text"], f"{part}/by_text") for part in parts]
        bias = self._constant(f"{name}/bias", np.concatenate(biases))
        seen = self._add(
            "MultiHeadAttention", [*by_text, bias, "padding_mask"], f"{name}/seen",
            domain=_RUNTIME, num_heads=self._encoder.heads, mask_filter_value=_MASKED,
        )  # fmt: skip
        return self._add("Reshape", [seen, "by_token"], f"{name}/seen/by_token")

    def _residual(self, name: str, inputs: str, residual: str) -> str:
        """The inputs through a dense layer, and what went around it."""
        product = self._product(name, inputs, self._weights(f"{name}/kernel").reshape(-1, self._width))
        biased = self._add("Add", [product, self._weight(f"{name}/bias")], f"{name}/biased")
        return self._add("Add", [biased, residual], f"{name}/with_residual")

    def _normalized(self, name: str, tokens: str) -> str:
        # The runtime's operator for residual and normalization together takes several times as long as these apart.
        parts = [self._weight(f"{name}/{part}") for part in ("gamma", "beta")]
        return self._add("LayerNormalization", [tokens, *parts], name, axis=-1, epsilon=self._encoder.epsilon)

    def _product(self, name: str, inputs: str, kernel: Floats) -> str:
        if not self._int8:
            return self._add("MatMul", [inputs, self._constant(f"{name}/kernel", kernel)], f"{name}/product")
        largest = self._add("ReduceMax", [self._add("Abs", [inputs], f"{name}/size")], f"{name}/largest", axes=[-1])
        some = self._add("Max", [largest, self._number("smallest", _SMALLEST)], f"{name}/some")
        scales = self._add("Mul", [some, self._number("a_number", 1.0 / _NUMBERS)], f"{name}/scales")
        row_scales = self._add("Squeeze", [scales, self._whole("1", 1)], f"{name}/row_scales")
        rounded = self._add("QuantizeLinear", [inputs, row_scales, "middles"], f"{name}/rounded", axis=0)
        columns = np.maximum(np.abs(kernel).max(axis=0), _SMALLEST) / _NUMBERS
        numbers = self._constant(f"{name}/numbers", np.round(kernel / columns).astype(np.int8))
        # One of its own: where the runtime gives the numbers another type, it replaces this with them.
        middle = self._constant(f"{name}/middle", np.array(0, dtype=np.int8))
        column_scales = self._constant(f"{name}/column_scales", columns.astype(np.float32))
        whole = self._add(
            "MatMulIntegerToFloat",
            [rounded, numbers, self._number("no_scale", 1.0), column_scales, "middle", middle],
            f"{name}/numbers_product",
            domain=_RUNTIME,
        )
        return self._add("Mul", [whole, scales], f"{name}/product")

    def _mean(self, number: int, tokens: str) -> str:
        """The mean over the tokens that are no padding, as one product of matrices for each text."""
        texts = self._add("Reshape", [tokens, "by_text"], f"texts_{number}")
        return self._add("Squeeze", [self._add("MatMul", ["shares", texts], f"mean_{number}"), "1"], f"pooled_{number}")

    def _weights(self, path: str) -> Floats:
        return self._encoder.weights[path]

    def _weight(self, path: str) -> str:
        return self._constant(path, self._weights(path))

    def _number(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, dtype=np.float32))

    def _whole(self, name: str, *values: int) -> str:
        return self._constant(name, np.array(values, dtype=np.int64))

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants[name] = value
        return name

    def _split(self, inputs: str, outputs: Sequence[str]) -> Sequence[str]:
        from onnx import helper

        self._nodes.append(helper.make_node("Split", [inputs], list(outputs), name=f"{inputs}/split", axis=-1))
        return outputs

    def _add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output


_INPUTS = ("token_ids", "padding_mask")
_ATTENTION = ("query", "key", "value")
