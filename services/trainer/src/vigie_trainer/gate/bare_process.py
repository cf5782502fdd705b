"""Run by path in a Python without site-packages: load an artifact with what vigie_model needs, and score texts.

Argument: JSON {"paths": [folders for sys.path], "artifact": folder, "texts": [..], "timed": [..]} in a file.
Standard output: one JSON document.
"""

import json
import sys
import time
from pathlib import Path

# What trains, and must not be needed to serve.
FORBIDDEN = (
    "vigie_trainer",
    "vigie_api",
    "sklearn",
    "mlflow",
    "pandas",
    "matplotlib",
    "tensorflow",
    "keras",
    "keras_hub",
    "torch",
    "gensim",
    "onnx",
)
PASSES = 3


class _Forbidden:
    """A finder that knows none of the trainer's packages, wherever they lie."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse the forbidden, leave the rest to the others."""
        if name.partition(".")[0] in FORBIDDEN:
            raise ModuleNotFoundError(f"{name} is not there when a model serves", name=name)


def main() -> None:
    """Answer the order in the file named on the command line."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.path[:0] = order["paths"]
    sys.meta_path.insert(0, _Forbidden())
    start = time.perf_counter()
    import vigie_model

    model = vigie_model.load(Path(order["artifact"]), threads=1)
    load_s = time.perf_counter() - start
    answer = {
        "digest": model.digest,
        "recipe": model.recipe,
        "load_s": load_s,
        "scores": [float(score) for score in model.score(order["texts"])] if order["texts"] else [],
        "latency_ms": _p95_ms(model, order["timed"]) if order["timed"] else None,
    }
    sys.stdout.write(json.dumps(answer))


def _p95_ms(model: "vigie_model.Model", texts: list[str]) -> float:  # type: ignore[name-defined]  # noqa: F821 - imported late
    """95th percentile over the texts; of several passes the best, which a busy machine disturbs least."""
    best = []
    for _ in range(PASSES):
        times = []
        for text in texts:
            start = time.perf_counter()
            model.predict_one(text)
            times.append(time.perf_counter() - start)
        best.append(sorted(times)[int(0.95 * (len(times) - 1))] * 1e3)
    return min(best)


if __name__ == "__main__":
    main()
