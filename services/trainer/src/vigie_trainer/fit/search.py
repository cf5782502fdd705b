"""The search: every combination of a recipe's grid, scored by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.corpora import Corpora, Corpus
from vigie_trainer.fit.folds import Fold, Rows
from vigie_trainer.recipe import Classifier, Cleaning, Features, Recipe


@dataclass(frozen=True, slots=True)
class Candidate:
    """One combination of the grid, its accuracy and ROC AUC in each fold, and the out-of-fold margin of every
    primary row."""

    values: dict[str, Any]
    recipe: Recipe
    accuracies: tuple[float, ...]
    aucs: tuple[float, ...]
    margins: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the folds."""
        return float(np.mean(self.accuracies))

    @property
    def auc(self) -> float:
        """Mean ROC AUC over the folds."""
        return float(np.mean(self.aucs))


def combinations(recipe: Recipe) -> list[dict[str, Any]]:
    """Every combination of the grid's values; a recipe without a grid has one, the empty one."""
    names = list(recipe.search.grid)
    return [dict(zip(names, values, strict=True)) for values in product(*recipe.search.grid.values())]


def search(
    recipe: Recipe,
    corpora: Corpora,
    rows: Rows | None,
    folds: Sequence[Fold],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    primary: int,
    seed: int,
    threads: int,
    progress: Callable[[float], None],
) -> list[Candidate]:
    """All candidates, best first (mean ROC AUC and accuracy together).

    Args:
        rows: the texts of `corpora` to search on; None: all. Folds, labels and weights are those of these rows.
        primary: how many of them the folds score: the first ones.
        progress: called with the share of the work done.
    """
    grid = [(values, recipe.with_values(values)) for values in combinations(recipe)]
    tallies = [_Tally(values, chosen, primary) for values, chosen in grid]
    # Candidates that share cleaning and features share their matrices, and those are the greater part of the work.
    groups: dict[tuple[Cleaning, Features], list[_Tally]] = {}
    for tally in tallies:
        groups.setdefault((tally.recipe.cleaning, tally.recipe.features), []).append(tally)
    done = 0
    # Folds side by side, one thread each: fits that each spread over all cores spend their time waiting for one
    # another as soon as anything else runs on the machine.
    with ThreadPoolExecutor(threads) as pool:
        for (cleaning, spec), group in groups.items():
            corpus = corpora.open(cleaning, spec, rows)
            classifiers = [tally.recipe.classifier for tally in group]
            fold = partial(_fit_fold, corpus, classifiers, labels, weights, seed)
            # The limit is one for the whole process, so it is set around the pool and not in its threads.
            with threadpool_limits(1):
                for (_, held_out), found in zip(folds, pool.map(fold, folds), strict=True):
                    for tally, (margins, threshold) in zip(group, found, strict=True):
                        tally.add(margins, threshold, held_out, labels[held_out])
                    done += len(group)
                    progress(done / (len(folds) * len(grid)))
    # Accuracy alone is noisy on a few thousand rows; the area under the curve breaks what is nearly a tie.
    return sorted((tally.candidate() for tally in tallies), key=lambda found: found.accuracy + found.auc, reverse=True)


def _fit_fold(
    corpus: Corpus,
    classifiers: Sequence[Classifier],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    seed: int,
    fold: Fold,
) -> list[tuple[NDArray[np.float64], float]]:
    """The margins of the fold's held-out rows by each classifier, and the margin from which it means positive."""
    train, held_out = fold
    fitted, matrix = corpus.fit(train, labels[train])
    unseen = fitted.rows(held_out)
    found = []
    for spec in classifiers:
        model = fit_classifier(
            spec, matrix, labels[train], None if weights is None else weights[train], seed=seed, threads=1
        )
        found.append((model.margins(unseen), model.threshold))
    return found


class _Tally:
    """What is known so far of one candidate."""

    def __init__(self, values: dict[str, Any], recipe: Recipe, rows: int) -> None:
        self.recipe = recipe
        self._values = values
        self._margins = np.zeros(rows)
        self._accuracies: list[float] = []
        self._aucs: list[float] = []

    def add(
        self, margins: NDArray[np.float64], threshold: float, held_out: NDArray[np.intp], labels: NDArray[np.int64]
    ) -> None:
        self._margins[held_out] = margins
        self._accuracies.append(float(((margins >= threshold) == (labels == 1)).mean()))
        self._aucs.append(float(roc_auc_score(labels, margins)))

    def candidate(self) -> Candidate:
        return Candidate(self._values, self.recipe, tuple(self._accuracies), tuple(self._aucs), self._margins)
