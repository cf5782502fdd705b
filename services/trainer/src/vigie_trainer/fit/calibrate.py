"""From out-of-fold margins to calibrated scores, the uncertain band and the reference statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from vigie_model import Isotonic, Platt, describe_reference

TARGET_ACCURACY = 0.90
"""Outside the uncertain band, at least so many verdicts are right (out of fold)."""


def fit_calibration(
    kind: Literal["platt", "isotonic", "none"],
    margins: NDArray[np.float64],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> Platt | Isotonic:
    """The calibration of that kind, fitted on out-of-fold margins. "none" is the plain logistic function of the margin.

    Platt's targets are smoothed as Platt (1999) does, so that perfectly separated margins get a finite slope.
    """
    if kind == "none" or np.ptp(margins) == 0.0:
        return Platt()
    if kind == "isotonic":
        return _isotonic(margins, labels, weights)
    positives, negatives = int(labels.sum()), int(len(labels) - labels.sum())
    high, low = (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0)
    share = np.where(labels == 1, high, low)  # of each row that counts as positive
    base = np.ones(len(labels)) if weights is None else weights
    model = LogisticRegression(C=1e6, solver="lbfgs", tol=1e-8, max_iter=1000)
    spread = float(np.std(margins))
    column = (margins / spread).reshape(-1, 1)
    model.fit(
        np.vstack([column, column]),
        np.repeat([1, 0], len(labels)),
        sample_weight=np.concatenate([base * share, base * (1.0 - share)]),
    )
    return Platt(float(model.coef_[0, 0]) / spread, float(model.intercept_[0]))


def _isotonic(margins: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64] | None) -> Isotonic:
    # Never 0 or 1 out of a finite sample: the log loss of a single surprise would be infinite.
    edge = 1.0 / (len(labels) + 2.0)
    model = IsotonicRegression(y_min=edge, y_max=1.0 - edge).fit(margins, labels, sample_weight=weights)
    return Isotonic(tuple(map(float, model.X_thresholds_)), tuple(map(float, model.y_thresholds_)))


def uncertain_band(
    scores: NDArray[np.float64], labels: NDArray[np.int64], target: float = TARGET_ACCURACY
) -> tuple[float, float]:
    """The smallest band around one half outside which the share of right verdicts is at least `target`.

    (0.5, 0.5) when no band is needed; (0, 1) when no band is enough.
    """
    distance = np.abs(scores - 0.5)
    right = (scores >= 0.5) == (labels == 1)
    order = np.argsort(-distance, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    sorted_distance = distance[order]
    # Scores strictly inside are uncertain, so a cut falls only between two different distances.
    last_of_its_distance = np.append(sorted_distance[1:] < sorted_distance[:-1], True)
    good = np.flatnonzero((accuracy >= target) & last_of_its_distance)
    if len(good) == 0:
        return 0.0, 1.0
    if good[-1] == len(order) - 1:
        return 0.5, 0.5
    half = float(sorted_distance[good[-1]])
    return 0.5 - half, 0.5 + half


def reference_statistics(
    texts: Sequence[str], scores: NDArray[np.float64], labels: NDArray[np.int64], band: tuple[float, float]
) -> dict[str, Any]:
    """What live traffic is compared with later: distributions over the training texts, by out-of-fold scores."""
    edges = np.linspace(0.0, 1.0, 11)
    return describe_reference(texts, scores.tolist()) | {
        "positive_share": float(labels.mean()),
        "predicted_positive_share": float((scores >= 0.5).mean()),
        "accuracy": float(((scores >= 0.5) == (labels == 1)).mean()),
        "uncertain_share": float(((scores > band[0]) & (scores < band[1])).mean()),
        "score_mean": float(scores.mean()),
        "score_histogram": {"edges": edges.tolist(), "counts": np.histogram(scores, edges)[0].tolist()},
    }
