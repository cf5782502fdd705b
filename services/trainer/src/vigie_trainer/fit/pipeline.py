"""Fitting features and a classifier: search, final fit, calibration, artifact."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import vigie_model
from vigie_model import FeatureScorer
from vigie_trainer.fit.calibrate import reference_statistics, uncertain_band
from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.corpora import Corpora, Corpus, resolved
from vigie_trainer.fit.folds import Rows, make_folds, sampled_rows
from vigie_trainer.fit.languages import calibrate_by_language, calibrated
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.search import Candidate, search
from vigie_trainer.recipe import Recipe

_CALIBRATION_FOLDS = 5  # one of them is held out where the search saw a part of the rows


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a fit learns from; the first `primary` rows are primary."""

    texts: Sequence[str]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    primary: int

    def weighed(self, rows: Rows) -> NDArray[np.float64] | None:
        return None if self.weights is None else self.weights[rows]


def fit_recipe(
    recipe: Recipe,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    *,
    out: Path,
    trained: Mapping[str, Any],
    seed: int,
    threads: int,
    progress: Callable[[str, float], None],
    weights: NDArray[np.float64] | None,
    context: FitContext,
) -> FitResult:
    """What `fit` does with a recipe of features and a classifier, on rows that were checked."""
    recipe = resolved(recipe, context)
    rows = _Rows(texts, labels, weights, context.primary_rows(len(texts)))
    corpora = Corpora(texts, context, seed=seed, threads=threads, progress=progress)

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
        model = fit_classifier(best.recipe.classifier, matrix, labels, weights, seed=seed, threads=threads)
        # Embeddings have their own account; word vectors count in full, even when they were trained before.
        fit_s = time.perf_counter() - started - (corpora.spent_s - before) + corpora.vectors_s
        scorer = FeatureScorer(corpus.runtime(fitted), model.head(fitted.scale, threads))
        del matrix
        progress("fit", 1.0)

        scored, margins = np.arange(rows.primary), best.margins
        if not whole:
            scored, margins = _held_out(best.recipe, rows, corpus, seed=seed, threads=threads)

    progress("write", 0.0)
    unseen, answers = [texts[row] for row in scored.tolist()], labels[scored]
    calibration = calibrate_by_language(
        recipe.calibration, margins, answers, scorer.margins, context, rows.weighed(scored)
    )
    scores = calibrated(calibration, margins, unseen)
    band = uncertain_band(scores, answers)
    vigie_model.save(
        out,
        recipe=recipe.name,
        scorer=scorer,
        calibration=calibration,
        uncertain=band,
        reference=reference_statistics(unseen, scores, answers, band),
        trained=dict(trained),
    )
    progress("write", 1.0)
    return FitResult(out, _flat(best.recipe), _summary(candidates), search_s, fit_s, encode_s=corpora.encode_s)


def _search(
    recipe: Recipe,
    rows: _Rows,
    corpora: Corpora,
    *,
    seed: int,
    threads: int,
    progress: Callable[[str, float], None],
) -> tuple[list[Candidate], bool]:
    """The candidates, best first, and whether they were tried on all rows."""
    taken, primary = None, rows.primary
    texts, labels, weights = rows.texts, rows.labels, rows.weights
    most = recipe.search.max_rows
    if most is not None and most < len(texts):
        taken, primary = sampled_rows(labels, most, seed, rows.primary)
        texts, labels, weights = [texts[row] for row in taken], labels[taken], rows.weighed(taken)
    candidates = search(
        recipe,
        corpora,
        taken,
        make_folds(texts, labels, recipe.search.folds, seed, primary),
        labels,
        weights,
        primary=primary,
        seed=seed,
        threads=threads,
        progress=lambda share: progress("search", share),
    )
    return candidates, taken is None


def _held_out(
    recipe: Recipe, rows: _Rows, corpus: Corpus, *, seed: int, threads: int
) -> tuple[Rows, NDArray[np.float64]]:
    """A fifth of the primary rows, and the margins of a fit on all the others."""
    train, held_out = make_folds(rows.texts, rows.labels, _CALIBRATION_FOLDS, seed, rows.primary)[0]
    fitted, matrix = corpus.fit(train, rows.labels[train])
    model = fit_classifier(
        recipe.classifier, matrix, rows.labels[train], rows.weighed(train), seed=seed, threads=threads
    )
    return held_out, model.margins(fitted.rows(held_out))


def _flat(recipe: Recipe) -> dict[str, str | int | float | bool | None]:
    flat: dict[str, str | int | float | bool | None] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else key, inner)
        elif isinstance(value, list | tuple):
            flat[prefix] = "-".join(map(str, value)) if min(value, default=0) >= 0 else ",".join(map(str, value))
        else:
            flat[prefix] = value

    walk("", recipe.model_dump(exclude={"name", "description", "search"}))
    return flat


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
