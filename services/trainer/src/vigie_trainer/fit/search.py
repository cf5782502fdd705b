"""The search: every combination of a recipe's grid, scored by cross-validation on the given rows."""

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
from sklearn.model_selection import StratifiedKFold

from vigie_model import Cleaner
from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.vectorise import CountedCorpus, fit_features
from vigie_trainer.recipe import Classifier, Cleaning, Recipe, TfidfSpec

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One combination of the grid, its accuracy and ROC AUC in each fold, and the out-of-fold margin of every row."""

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
    """Stratified folds; fewer than asked for when a class has fewer rows. Each class needs at least two rows."""
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
    grid = [(values, recipe.with_values(values)) for values in combinations(recipe)]
    tallies = [_Tally(values, chosen, len(labels)) for values, chosen in grid]
    # Candidates that share cleaning and features share their matrices, and those are the greater part of the work.
    groups: dict[Cleaning, dict[TfidfSpec, list[_Tally]]] = {}
    for tally in tallies:
        groups.setdefault(tally.recipe.cleaning, {}).setdefault(tally.recipe.features, []).append(tally)
    done = 0
    # Folds side by side, one thread each: fits that each spread over all cores spend their time waiting for one
    # another as soon as anything else runs on the machine.
    with ThreadPoolExecutor(threads) as pool:
        for cleaning, by_features in groups.items():
            corpus = CountedCorpus(texts, Cleaner(cleaning.options()))
            for spec, group in by_features.items():
                corpus.count_for(spec)
                classifiers = [tally.recipe.classifier for tally in group]
                fold = partial(_fit_fold, corpus, spec, classifiers, labels, weights, seed)
                for (_, held_out), found in zip(folds, pool.map(fold, folds), strict=True):
                    for tally, (margins, threshold) in zip(group, found, strict=True):
                        tally.add(margins, threshold, held_out, labels[held_out])
                    done += len(group)
                    progress(done / (len(folds) * len(grid)))
    # Accuracy alone is noisy on a few thousand rows; the area under the curve breaks what is nearly a tie.
    return sorted((tally.candidate() for tally in tallies), key=lambda found: found.accuracy + found.auc, reverse=True)


def _fit_fold(
    corpus: CountedCorpus,
    features: TfidfSpec,
    classifiers: Sequence[Classifier],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    seed: int,
    fold: Fold,
) -> list[tuple[NDArray[np.float64], float]]:
    """The margins of the fold's held-out rows by each classifier, and the margin from which it means positive."""
    train, held_out = fold
    fitted, matrix = fit_features(corpus, features, train, labels[train])
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
