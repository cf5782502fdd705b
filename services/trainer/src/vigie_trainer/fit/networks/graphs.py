"""From a trained Keras network to the ONNX graph that the runtime runs."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any


def network_graph(network: Any, *, int8: bool = False, output: str = "margin") -> bytes:
    """The ONNX graph of a Keras network with its inputs' names and one output named `output`.

    With `int8`, the weights of its matrix products are 8-bit numbers, with a scale for each column (dynamic
    quantization: the activations' scales are found as it runs).
    """
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        # Keras tells of its progress on standard output, which belongs to --json.
        with contextlib.redirect_stdout(io.StringIO()):
            network.export(str(path), format="onnx", verbose=False)
        model = onnx.load(str(path))
        _rename_output(model, output)
        onnx.save(model, str(path))
        if int8:
            path = _quantized(path)
        return path.read_bytes()


def _rename_output(model: Any, output: str) -> None:
    former = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = [output if name == former else name for name in node.output]
        node.input[:] = [output if name == former else name for name in node.input]
    model.graph.output[0].name = output


def _quantized(path: Path) -> Path:
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared, quantized = path.with_name("prepared.onnx"), path.with_name("quantized.onnx")
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # it recommends on the root logger what was just done
    try:
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(str(prepared), str(quantized), weight_type=QuantType.QInt8, per_channel=True)
    finally:
        logging.root.setLevel(level)
    return quantized
