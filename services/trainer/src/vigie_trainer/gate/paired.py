"""Comparing two models on the same rows: paired bootstrap and McNemar's test. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vigie_trainer.scoring.metrics import THRESHOLD, roc_auc

SEED = 42
_LARGE = 20_000  # rows; from here on the interval is so narrow that fewer rounds serve


@dataclass(frozen=True)
class Difference:
    """Challenger minus champion.

    Attributes:
        value: on all rows.
        low, high: 95 % percentile interval of the paired bootstrap (Efron and Tibshirani, 1993).
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two models on the same held-out rows.

    Attributes:
        rows: how many.
        roc_auc: None when the rows have one class.
        only_champion, only_challenger: rows that only this one judged right.
        mcnemar_p: two-sided exact p-value that they err equally often (McNemar, 1947).
    """

    rows: int
    champion_accuracy: float
    challenger_accuracy: float
    accuracy: Difference
    champion_roc_auc: float | None
    challenger_roc_auc: float | None
    roc_auc: Difference | None
    only_champion: int
    only_challenger: int
    mcnemar_p: float


def compare(labels: ArrayLike, champion: ArrayLike, challenger: ArrayLike, *, rounds: int = 1_000) -> Comparison:
    """Compare the scores of two models on the same labelled rows.

    Args:
        labels: 0/1, shape (n,), n ≥ 1.
        champion, challenger: P(positive), shape (n,).
        rounds: bootstrap samples; a fifth of them from 20,000 rows on.
    """
    truth = np.asarray(labels, dtype=np.int64)
    old = np.asarray(champion, dtype=np.float64)
    new = np.asarray(challenger, dtype=np.float64)
    old_right = (old >= THRESHOLD) == (truth == 1)
    new_right = (new >= THRESHOLD) == (truth == 1)
    only_old, only_new = int((old_right & ~new_right).sum()), int((new_right & ~old_right).sum())
    accuracies, areas = _bootstrap(truth, old, new, rounds if len(truth) < _LARGE else max(1, rounds // 5))
    old_auc, new_auc = roc_auc(truth, old), roc_auc(truth, new)
    return Comparison(
        rows=len(truth),
        champion_accuracy=float(old_right.mean()),
        challenger_accuracy=float(new_right.mean()),
        accuracy=_difference(float(new_right.mean() - old_right.mean()), accuracies),
        champion_roc_auc=old_auc,
        challenger_roc_auc=new_auc,
        roc_auc=None if old_auc is None or new_auc is None else _difference(new_auc - old_auc, areas),
        only_champion=only_old,
        only_challenger=only_new,
        mcnemar_p=mcnemar(only_old, only_new),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of McNemar's test from the two discordant counts; 1 when there are none."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def sign_test(only_first: int, only_second: int) -> float:
    """One-sided exact p-value that the first is not better than the second, from the two discordant counts."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5, alternative="greater").pvalue) if discordant else 1.0


def _bootstrap(
    truth: NDArray[np.int64], old: NDArray[np.float64], new: NDArray[np.float64], rounds: int
) -> tuple[list[float], list[float]]:
    """Differences of accuracy and of ROC AUC on rows drawn with replacement, the same for both models."""
    generator = np.random.default_rng(SEED)
    gain = ((new >= THRESHOLD) == (truth == 1)).astype(np.float64) - ((old >= THRESHOLD) == (truth == 1))
    accuracies: list[float] = []
    areas: list[float] = []
    for _ in range(rounds):
        drawn = generator.integers(len(truth), size=len(truth))
        accuracies.append(float(gain[drawn].mean()))
        before, after = roc_auc(truth[drawn], old[drawn]), roc_auc(truth[drawn], new[drawn])
        if before is not None and after is not None:
            areas.append(after - before)
    return accuracies, areas


def _difference(value: float, drawn: list[float]) -> Difference:
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (value, value)
    return Difference(value, float(low), float(high))
