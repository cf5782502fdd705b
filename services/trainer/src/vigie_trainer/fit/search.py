"""The search: every combination of a recipe's grid, scored by cross-validation on the given rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from vigie_model import Cleaner
from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.vectorise import CountedCorpus, fit_features
from vigie_trainer.recipe import Recipe

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One combination of the grid and how it did: accuracy and ROC AUC of each fold, margins of every row out of fold."""

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


def make_folds(labels: NDArray[np.int64], folds: int, seed: int) -> list[Fold]:
    """Stratified folds; fewer than asked for when a class has fewer rows. At least two rows of each class are needed."""
    smallest = int(min(labels.sum(), len(labels) - labels.sum()))
    splitter = StratifiedKFold(min(folds, smallest), shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels))


def combinations(recipe: Recipe) -> list[dict[str, Any]]:
    """Every combination of the grid's values; a recipe without a grid has one, the empty one."""
    names = list(recipe.search.grid)
    return [dict(zip(names, values, strict=True)) for values in product(*recipe.search.grid.values())]


def search(
    recipe: Recipe,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    seed: int,
    threads: int,
    progress: Callable[[float], None],
) -> list[Candidate]:
    """All candidates, best first (mean ROC AUC and accuracy together).

    `progress` is called with the share of the work done.
    """
    folds = make_folds(labels, recipe.search.folds, seed)
    grid = combinations(recipe)
    corpora: dict[Any, CountedCorpus] = {}
    candidates: list[Candidate] = []
    done = 0
    for values in grid:
        chosen = recipe.with_values(values)
        if chosen.cleaning not in corpora:
            corpora[chosen.cleaning] = CountedCorpus(texts, Cleaner(chosen.cleaning.options()))
        margins = np.zeros(len(labels))
        accuracies: list[float] = []
        aucs: list[float] = []
        for train, held_out in folds:
            features, matrix = fit_features(corpora[chosen.cleaning], chosen.features, train, labels[train])
            model = fit_classifier(
                chosen.classifier,
                matrix,
                labels[train],
                None if weights is None else weights[train],
                seed=seed,
                threads=threads,
            )
            margins[held_out] = model.margins(features.rows(held_out))
            verdicts = margins[held_out] >= model.threshold
            accuracies.append(float((verdicts == (labels[held_out] == 1)).mean()))
            aucs.append(float(roc_auc_score(labels[held_out], margins[held_out])))
            done += 1
            progress(done / (len(folds) * len(grid)))
        candidates.append(Candidate(values, chosen, tuple(accuracies), tuple(aucs), margins))
    # Accuracy alone is noisy on a few thousand rows; the area under the curve breaks what is nearly a tie.
    candidates.sort(key=lambda candidate: candidate.accuracy + candidate.auc, reverse=True)
    return candidates
