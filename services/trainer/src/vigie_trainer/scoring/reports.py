"""What a finished model is measured on besides its held-out rows: other test sets, and the time of one text."""

import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vigie_trainer.scoring.metrics import metrics

if TYPE_CHECKING:
    from vigie_model import Model
    from vigie_trainer.data.rows import Posts

LATENCY_THREADS = 2
LATENCY_TEXTS = 200
_WARM_UP_TEXTS = 20


def latency(model: "Model", texts: Sequence[str]) -> dict[str, float | int]:
    """Milliseconds that one text takes, median and 95th percentile, after a warm-up.

    Args:
        model: loaded with LATENCY_THREADS threads.
        texts: the first LATENCY_TEXTS of them are judged one by one.
    """
    chosen = texts[:LATENCY_TEXTS]
    for text in chosen[:_WARM_UP_TEXTS]:
        model.predict_one(text)
    times = []
    for text in chosen:
        start = time.perf_counter()
        model.predict_one(text)
        times.append((time.perf_counter() - start) * 1e3)
    return {
        "median": statistics.median(times),
        "p95": sorted(times)[int(0.95 * (len(times) - 1))],
        "threads": LATENCY_THREADS,
        "texts": len(times),
    }


def report_on(model: "Model", posts: "Posts", **marks: Any) -> dict[str, Any]:
    """Accuracy of a model on another labelled set, with its 95 % interval.

    Args:
        marks: what else to say of the figure, such as what the rows were used for.
    """
    measured = metrics(posts.labels, model.score(posts.texts))
    return {
        "name": posts.name,
        "rows": len(posts.texts),
        "accuracy": measured["accuracy"],
        "low": measured["accuracy_low"],
        "high": measured["accuracy_high"],
        "balanced_accuracy": measured["balanced_accuracy"],
        "roc_auc": measured["roc_auc"],
        **marks,
    }
