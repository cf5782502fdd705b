"""Fitting a recipe: search, final fit, calibration, artifact."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import vigie_model
from vigie_model import Cleaner
from vigie_trainer.fit.calibrate import fit_calibration, reference_statistics, uncertain_band
from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.search import search
from vigie_trainer.fit.vectorise import CountedCorpus, fit_features
from vigie_trainer.recipe import Recipe

if TYPE_CHECKING:
    from vigie_trainer.ensemble_recipe import EnsembleRecipe
    from vigie_trainer.network_recipe import NetworkRecipe

Progress = Callable[[str, float], None]


def fit(
    recipe: Recipe | NetworkRecipe | EnsembleRecipe,
    texts: Sequence[str],
    labels: NDArray[np.integer[Any]],
    *,
    out: Path,
    trained: Mapping[str, Any],
    seed: int = 42,
    threads: int = 2,
    progress: Progress | None = None,
    weights: NDArray[np.float64] | None = None,
    context: FitContext | None = None,
) -> FitResult:
    """Fit `recipe` on the texts and write the artifact to `out`.

    `labels` holds 0 (negative) or 1 (positive), one a text; `weights`, if any, one positive number a text. Parameters
    are chosen by cross-validation on these rows only, and calibration, the uncertain band and the reference
    statistics come from out-of-fold scores. The same arguments give the same artifact. `progress` hears the step and
    the share of it that is done. Without a `context`, nothing is kept from one fit to the next.

    Raises FitError when the rows cannot be learned from, ArtifactError when `out` holds something already.
    """
    tell = progress or (lambda step, share: None)
    target = np.asarray(labels).astype(np.int64)
    _check(texts, target, weights)
    if context is None:
        with TemporaryDirectory(prefix="vigie-fit-") as folder:
            own = FitContext(Path(folder))
            return _dispatch(recipe, texts, target, out, trained, seed, threads, tell, weights, own)
    return _dispatch(recipe, texts, target, out, trained, seed, threads, tell, weights, context)


def _dispatch(
    recipe: Recipe | NetworkRecipe | EnsembleRecipe,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    out: Path,
    trained: Mapping[str, Any],
    seed: int,
    threads: int,
    progress: Progress,
    weights: NDArray[np.float64] | None,
    context: FitContext,
) -> FitResult:
    given: dict[str, Any] = {
        "out": out, "trained": trained, "seed": seed, "threads": threads,
        "progress": progress, "weights": weights, "context": context,
    }  # fmt: skip
    if isinstance(recipe, Recipe):
        return fit_recipe(recipe, texts, labels, **given)
    # Imported here: networks bring TensorFlow's neighbourhood along, which the quick baseline does without.
    from vigie_trainer.network_recipe import NetworkRecipe

    if isinstance(recipe, NetworkRecipe):
        from vigie_trainer.fit.networks.run import fit_network

        return fit_network(recipe, texts, labels, **given)
    from vigie_trainer.fit.ensemble.run import fit_ensemble

    return fit_ensemble(recipe, texts, labels, **given)


def fit_recipe(
    recipe: Recipe,
    texts: Sequence[str],
    target: NDArray[np.int64],
    *,
    out: Path,
    trained: Mapping[str, Any],
    seed: int,
    threads: int,
    progress: Progress,
    weights: NDArray[np.float64] | None,
    context: FitContext,
) -> FitResult:
    """What `fit` does with a recipe of features and a classifier, on rows that were checked."""
    tell = progress

    started = time.perf_counter()
    candidates = search(
        recipe, texts, target, weights, seed=seed, threads=threads, progress=lambda share: tell("search", share)
    )
    best = candidates[0]
    search_s = time.perf_counter() - started

    tell("fit", 0.0)
    started = time.perf_counter()
    # Counted afresh: the time of a fit includes the cleaning, which the search had done already.
    corpus = CountedCorpus(texts, Cleaner(best.recipe.cleaning.options()))
    features, matrix = fit_features(corpus, best.recipe.features, np.arange(len(texts)), target)
    model = fit_classifier(best.recipe.classifier, matrix, target, weights, seed=seed, threads=threads)
    fit_s = time.perf_counter() - started
    tell("fit", 1.0)

    tell("write", 0.0)
    calibration = fit_calibration(best.recipe.calibration, best.margins, target, weights)
    scores = calibration.many(best.margins)
    band = uncertain_band(scores, target)
    vigie_model.save(
        out,
        recipe=recipe.name,
        features=features.for_runtime(corpus.cleaner),
        head=model.head(features.scale, threads),
        calibration=calibration,
        uncertain=band,
        reference=reference_statistics(texts, scores, target, band),
        trained=dict(trained),
    )
    tell("write", 1.0)
    return FitResult(out, _flat(best.recipe), _summary(candidates), search_s, fit_s)


def _check(texts: Sequence[str], labels: NDArray[np.int64], weights: NDArray[np.float64] | None) -> None:
    if len(texts) != len(labels) or (weights is not None and len(weights) != len(labels)):
        raise FitError(f"{len(texts)} texts do not go with {len(labels)} labels.")
    if not np.isin(labels, (0, 1)).all():
        raise FitError("Labels must be 0 (negative) or 1 (positive).")
    if weights is not None and not (np.isfinite(weights).all() and (weights > 0).all()):
        raise FitError("Weights must be positive numbers.")
    for label, name in enumerate(("negative", "positive")):
        if int((labels == label).sum()) < 2:
            raise FitError(f"Training needs at least two {name} texts; there are {int((labels == label).sum())}.")


def _flat(recipe: Recipe) -> dict[str, str | int | float | bool | None]:
    flat: dict[str, str | int | float | bool | None] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else key, inner)
        elif isinstance(value, list | tuple):
            flat[prefix] = "-".join(map(str, value))
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
