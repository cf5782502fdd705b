"""From any Keras network to an ONNX graph, by Keras' own export; what `encoder_graph` knows it writes better."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vigie_trainer.encoders.graph import Precision
from vigie_trainer.encoders.weights_int8 import store_weights_in_int8


def network_graph(network: Any, *, precision: Precision = "fp32", output: str = "margin") -> bytes:
    """The ONNX graph of a Keras network with its inputs' names and one output named `output`.

    Precision: `int8_weights` keeps matrices as 8-bit numbers and computes in float32: a quarter of the size, and a
    text scores the same in any company. `int8` computes in 8 bits too, with scales of the activations that are found
    as it runs (dynamic quantization): faster alone, but such a graph must be given one text at a time.
    """
    import numpy as np
    import onnx

    # Keras exports only what was called once, which a network whose weights come from a checkpoint was not.
    network([np.ones((1, 1), dtype=np.int32) for _ in network.inputs])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        # Keras tells of its progress on standard output, which belongs to --json.
        with (
            contextlib.redirect_stdout(io.StringIO()),
            _quiet("tf2onnx.tfonnx", logging.CRITICAL),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # the converter's own, of what NumPy will one day do
            network.export(str(path), format="onnx", verbose=False)
        model = onnx.load(str(path))
        _replace_erfc(model)
        _rename_output(model, output)
        if precision == "int8_weights":
            store_weights_in_int8(model)
        onnx.save(model, str(path))
        return (_quantized(path) if precision == "int8" else path).read_bytes()


def _rename_output(model: Any, output: str) -> None:
    former = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = [output if name == former else name for name in node.output]
        node.input[:] = [output if name == former else name for name in node.input]
    model.graph.output[0].name = output


def _replace_erfc(model: Any) -> None:
    """The converter leaves TensorFlow's Erfc, a part of the exact GELU; ONNX has Erf alone: erfc x = 1 - erf x."""
    from onnx import helper, numpy_helper

    nodes = list(model.graph.node)
    if not any(node.op_type == "Erfc" for node in nodes):
        return
    import numpy as np

    model.graph.initializer.append(numpy_helper.from_array(np.array(1.0, dtype=np.float32), "one_of_erfc"))
    model.graph.ClearField("node")
    for node in nodes:
        if node.op_type != "Erfc":
            model.graph.node.append(node)
            continue
        erf = f"{node.output[0]}_erf"
        model.graph.node.append(helper.make_node("Erf", list(node.input), [erf]))
        model.graph.node.append(helper.make_node("Sub", ["one_of_erfc", erf], list(node.output), name=node.name))


@contextlib.contextmanager
def _quiet(name: str, level: int) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def _quantized(path: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared, quantized = path.with_name("prepared.onnx"), path.with_name("quantized.onnx")
    with _quiet("root", logging.ERROR):  # it recommends on the root logger what was just done
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(str(prepared), str(quantized), weight_type=QuantType.QInt8, per_channel=True)
    return quantized
