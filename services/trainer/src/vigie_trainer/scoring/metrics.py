"""Metrics of a binary sentiment model, in NumPy alone; a property test holds them to scikit-learn's."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vigie_trainer.scoring.intervals import wilson

THRESHOLD = 0.5
CALIBRATION_BINS = 10
_SMALLEST = float(np.finfo(np.float64).eps)
CLASSES = ("negative", "positive")


def confusion_matrix(labels: ArrayLike, scores: ArrayLike) -> list[list[int]]:
    """[[true negatives, false positives], [false negatives, true positives]]; a score of 0.5 is positive."""
    truth = np.asarray(labels, dtype=np.int64)
    verdicts = (np.asarray(scores, dtype=np.float64) >= THRESHOLD).astype(np.int64)
    counts = np.bincount(truth * 2 + verdicts, minlength=4)
    return [[int(counts[0]), int(counts[1])], [int(counts[2]), int(counts[3])]]


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Area under the ROC curve as the Mann-Whitney statistic; None when only one class is there."""
    from scipy.stats import rankdata

    truth = np.asarray(labels, dtype=bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    ranks = rankdata(np.asarray(scores, dtype=np.float64))
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_bins(labels: ArrayLike, scores: ArrayLike) -> list[dict[str, float]]:
    """Mean score and share of positives in ten bins of equal width of the score; empty bins are left out."""
    truth = np.asarray(labels, dtype=np.float64)
    probabilities = np.asarray(scores, dtype=np.float64)
    bins = np.minimum((probabilities * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    return [
        {
            "rows": float(chosen.sum()),
            "mean_score": float(probabilities[chosen].mean()),
            "share_positive": float(truth[chosen].mean()),
        }
        for chosen in (bins == number for number in range(CALIBRATION_BINS))
        if chosen.any()
    ]


def expected_calibration_error(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean distance between score and share of positives, weighted by the rows of each bin (Naeini et al., 2015)."""
    bins = calibration_bins(labels, scores)
    total = sum(one["rows"] for one in bins)
    return float(sum(one["rows"] * abs(one["mean_score"] - one["share_positive"]) for one in bins) / total)


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates from (0, 0) to (1, 1), one point for each distinct score; both classes needed."""
    truth = np.asarray(labels, dtype=np.int64)
    probabilities = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-probabilities, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probabilities[order])), len(order) - 1)
    hits = np.cumsum(truth[order])[ends]
    false_alarms = ends + 1 - hits
    return (
        np.concatenate([[0.0], false_alarms / max(1, len(truth) - truth.sum())]),
        np.concatenate([[0.0], hits / max(1, truth.sum())]),
    )


def metrics(labels: Sequence[int] | NDArray[np.int64], scores: ArrayLike) -> dict[str, float | int | None]:
    """Every metric of a run.

    Args:
        labels: 0 negative, 1 positive, shape (n,), n ≥ 1.
        scores: P(positive) in [0, 1], shape (n,).

    Returns:
        accuracy, its 95 % interval accuracy_low and accuracy_high, balanced_accuracy, roc_auc (None with one class),
        f1_macro, precision/recall/f1/support of each class, log_loss (scores clipped by the machine epsilon, as
        scikit-learn), brier, ece. A ratio over nothing is 0.
    """
    truth = np.asarray(labels, dtype=np.int64)
    probabilities = np.asarray(scores, dtype=np.float64)
    ((tn, fp), (fn, tp)) = confusion_matrix(truth, probabilities)
    by_class: dict[str, float | int | None] = {}
    recalls, f1s = [], []
    for name, hits, wrongly, missed in (("negative", tn, fn, fp), ("positive", tp, fp, fn)):
        recall = _ratio(hits, hits + missed)
        by_class[f"precision_{name}"] = _ratio(hits, hits + wrongly)
        by_class[f"recall_{name}"] = recall
        by_class[f"f1_{name}"] = _ratio(2 * hits, 2 * hits + wrongly + missed)
        by_class[f"support_{name}"] = hits + missed
        if hits + missed:
            recalls.append(recall)
        if hits + missed + wrongly:
            f1s.append(by_class[f"f1_{name}"] or 0.0)
    low, high = wilson(tn + tp, len(truth))
    clipped = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return {
        "accuracy": _ratio(tn + tp, len(truth)),
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": math.fsum(recalls) / len(recalls),
        "roc_auc": roc_auc(truth, probabilities),
        "f1_macro": math.fsum(f1s) / len(f1s),
        **by_class,
        "log_loss": float(-np.mean(truth * np.log(clipped) + (1 - truth) * np.log1p(-clipped))),
        "brier": float(np.mean((probabilities - truth) ** 2)),
        "ece": expected_calibration_error(truth, probabilities),
    }


def worst_mistakes(labels: ArrayLike, scores: ArrayLike, limit: int = 100) -> list[int]:
    """Positions of the wrongly judged rows, the surest first."""
    truth = np.asarray(labels, dtype=np.int64)
    probabilities = np.asarray(scores, dtype=np.float64)
    wrong = np.flatnonzero((probabilities >= THRESHOLD).astype(np.int64) != truth)
    order = np.argsort(-np.abs(probabilities[wrong] - THRESHOLD), kind="stable")
    return [int(at) for at in wrong[order][:limit]]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
