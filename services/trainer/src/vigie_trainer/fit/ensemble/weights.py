"""The weights of an ensemble's members, learned on rows that no member was trained on. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from vigie_model import Combiner

Margins = Mapping[str, NDArray[np.float64]]

_FOLDS = 10
_SMALLEST = 1e-6  # a spread below it is a member that says the same of every text


def combine(
    margins: Margins, labels: NDArray[np.int64], penalty: float, rate: NDArray[np.float64] | None = None
) -> Combiner:
    """The logistic regression of the label on the members' margins, each first brought to unit spread.

    A member whose weight comes out negative is left out and the others weighed again: on few rows a negative weight
    is chance, and costs dearly where the members disagree. `rate` weighs the rows.
    """
    names = [name for name, values in margins.items() if float(np.std(values)) > _SMALLEST]
    while names:
        scales = np.array([float(np.std(margins[name])) for name in names])
        columns = np.column_stack([margins[name] for name in names]) / scales
        model = LogisticRegression(C=penalty, max_iter=1000).fit(columns, labels, sample_weight=rate)
        weights = model.coef_[0]
        if weights.min() >= 0.0 or len(names) == 1:
            found = {name: float(weight / scale) for name, weight, scale in zip(names, weights, scales, strict=True)}
            return Combiner(found, float(model.intercept_[0]))
        names.pop(int(weights.argmin()))
    return Combiner({}, 0.0)


def combined(combiner: Combiner, margins: Margins) -> NDArray[np.float64]:
    """The weighted sum of the margins, shape (rows,)."""
    rows = len(next(iter(margins.values())))
    out = np.full(rows, combiner.intercept)
    for name, weight in combiner.weights.items():
        out += weight * margins[name]
    return out


def out_of_fold(
    margins: Margins,
    labels: NDArray[np.int64],
    penalty: float,
    seed: int,
    rate: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The combined margin of each row by weights that were learned without it, shape (rows,)."""
    folds = min(_FOLDS, int(np.bincount(labels, minlength=2).min()))
    out = np.zeros(len(labels))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for learn, rest in splitter.split(np.zeros(len(labels)), labels):
        combiner = combine(
            {name: values[learn] for name, values in margins.items()},
            labels[learn],
            penalty,
            None if rate is None else rate[learn],
        )
        out[rest] = combined(combiner, {name: values[rest] for name, values in margins.items()})
    return out
