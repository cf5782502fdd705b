"""Fitting a recipe of any kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.task import Progress, Sample, Task
from vigie_trainer.recipe import Recipe

if TYPE_CHECKING:
    from vigie_trainer.ensemble_recipe import EnsembleRecipe
    from vigie_trainer.network_recipe import NetworkRecipe


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
    target = np.asarray(labels).astype(np.int64)
    sample = Sample(texts, target, weights, len(texts) if context is None else context.primary_rows(len(texts)))
    _check(sample)
    tell = progress or (lambda step, share: None)
    if context is not None:
        return _dispatch(recipe, Task(sample, out, trained, seed, threads, tell, context))
    with TemporaryDirectory(prefix="vigie-fit-") as folder:
        return _dispatch(recipe, Task(sample, out, trained, seed, threads, tell, FitContext(Path(folder))))


def _dispatch(recipe: Recipe | NetworkRecipe | EnsembleRecipe, task: Task) -> FitResult:
    # Each imported here: what a recipe needs is loaded for that recipe, and the encoders may speak of fit errors.
    if isinstance(recipe, Recipe):
        from vigie_trainer.fit.pipeline import fit_recipe

        return fit_recipe(recipe, task)
    from vigie_trainer.network_recipe import NetworkRecipe

    if isinstance(recipe, NetworkRecipe):
        from vigie_trainer.fit.networks.run import fit_network

        return fit_network(recipe, task)
    from vigie_trainer.fit.ensemble.run import fit_ensemble

    return fit_ensemble(recipe, task)


def _check(sample: Sample) -> None:
    labels, weights = sample.labels, sample.weights
    if len(sample.texts) != len(labels) or (weights is not None and len(weights) != len(labels)):
        raise FitError(f"{len(sample.texts)} texts do not go with {len(labels)} labels.")
    if not np.isin(labels, (0, 1)).all():
        raise FitError("Labels must be 0 (negative) or 1 (positive).")
    if weights is not None and not (np.isfinite(weights).all() and (weights > 0).all()):
        raise FitError("Weights must be positive numbers.")
    for label, name in enumerate(("negative", "positive")):
        found = int((labels[: sample.primary] == label).sum())
        if found < 2:
            raise FitError(f"Training needs at least two {name} texts; there are {found}.")
