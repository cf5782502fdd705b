"""Fitting features and a classifier: search, final fit, calibration, artifact."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from vigie_model import FeatureScorer
from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.corpora import Corpora, Corpus, resolved
from vigie_trainer.fit.folds import Rows, make_folds, sampled_rows
from vigie_trainer.fit.languages import calibrate_by_language
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.search import Candidate, search
from vigie_trainer.fit.task import Sample, Task, flat_parameters
from vigie_trainer.recipe import Recipe

_CALIBRATION_FOLDS = 5  # one of them is held out where the search saw a part of the rows


def fit_recipe(recipe: Recipe, task: Task) -> FitResult:
    """What `fit` does with a recipe of features and a classifier, on rows that were checked."""
    rows, seed, threads, progress = task.sample, task.seed, task.threads, task.progress
    texts, labels = rows.texts, rows.labels
    recipe = resolved(recipe, task.context)
    corpora = Corpora(texts, task.context, seed=seed, threads=threads, progress=progress)

    started = time.perf_counter()
    candidates, whole = _search(recipe, rows, corpora, seed=seed, threads=threads, progress=progress)
    best = candidates[0]
    search_s = time.perf_counter() - started - corpora.spent_s

    progress("fit", 0.0)
    corpora.start_afresh()
    before = corpora.spent_s
    started = time.perf_counter()
    corpus = corpora.open(best.recipe.cleaning, best.recipe.features)
    with threadpool_limits(threads):
        everything = np.arange(len(texts))
        fitted, matrix = corpus.fit(everything, labels)
        model = fit_classifier(best.recipe.classifier, matrix, labels, rows.weights, seed=seed, threads=threads)
        # Embeddings have their own account; word vectors count in full, even when they were trained before.
        fit_s = time.perf_counter() - started - (corpora.spent_s - before) + corpora.vectors_s
        scorer = FeatureScorer(corpus.runtime(fitted), model.head(fitted.scale, threads))
        del matrix
        progress("fit", 1.0)

        scored, margins = np.arange(rows.primary), best.margins
        if not whole:
            scored, margins = _held_out(best.recipe, rows, corpus, seed=seed, threads=threads)

    progress("write", 0.0)
    unseen = rows.take(scored)
    calibration = calibrate_by_language(
        recipe.calibration, margins, unseen.labels, scorer.margins, task.context, unseen.weights
    )
    task.write(recipe.name, scorer, calibration, unseen, margins)
    parameters = flat_parameters(best.recipe.model_dump(exclude={"name", "description", "search"}))
    return FitResult(task.out, parameters, _summary(candidates), search_s, fit_s, encode_s=corpora.encode_s)


def _search(
    recipe: Recipe,
    rows: Sample,
    corpora: Corpora,
    *,
    seed: int,
    threads: int,
    progress: Callable[[str, float], None],
) -> tuple[list[Candidate], bool]:
    """The candidates, best first, and whether they were tried on all rows."""
    taken, tried = None, rows
    most = recipe.search.max_rows
    if most is not None and most < len(rows.texts):
        taken, _ = sampled_rows(rows.labels, most, seed, rows.primary)
        tried = rows.take(taken)
    candidates = search(
        recipe,
        corpora,
        taken,
        make_folds(tried.texts, tried.labels, recipe.search.folds, seed, tried.primary),
        tried.labels,
        tried.weights,
        primary=tried.primary,
        seed=seed,
        threads=threads,
        progress=lambda share: progress("search", share),
    )
    return candidates, taken is None


def _held_out(
    recipe: Recipe, rows: Sample, corpus: Corpus, *, seed: int, threads: int
) -> tuple[Rows, NDArray[np.float64]]:
    """A fifth of the primary rows, and the margins of a fit on all the others."""
    train, held_out = make_folds(rows.texts, rows.labels, _CALIBRATION_FOLDS, seed, rows.primary)[0]
    fitted, matrix = corpus.fit(train, rows.labels[train])
    model = fit_classifier(
        recipe.classifier, matrix, rows.labels[train], rows.weighed(train), seed=seed, threads=threads
    )
    return held_out, model.margins(fitted.rows(held_out))


def _summary(candidates: Sequence[Any]) -> dict[str, Any]:
    best = candidates[0]
    return {
        "folds": len(best.accuracies),
        "accuracy": best.accuracy,
        "accuracy_sd": float(np.std(best.accuracies)),
        "roc_auc": best.auc,
        "roc_auc_sd": float(np.std(best.aucs)),
        "chosen": best.values,
        "candidates": [
            {**candidate.values, "accuracy": candidate.accuracy, "roc_auc": candidate.auc} for candidate in candidates
        ],
    }
