"""Fitting a recipe of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.result import FitResult
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
    _check(texts, target, weights, len(texts) if context is None else context.primary_rows(len(texts)))
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
    # Each imported here: what a recipe needs is loaded for that recipe, and the encoders may speak of fit errors.
    if isinstance(recipe, Recipe):
        from vigie_trainer.fit.pipeline import fit_recipe

        return fit_recipe(recipe, texts, labels, **given)
    from vigie_trainer.network_recipe import NetworkRecipe

    if isinstance(recipe, NetworkRecipe):
        from vigie_trainer.fit.networks.run import fit_network

        return fit_network(recipe, texts, labels, **given)
    from vigie_trainer.fit.ensemble.run import fit_ensemble

    return fit_ensemble(recipe, texts, labels, **given)


def _check(texts: Sequence[str], labels: NDArray[np.int64], weights: NDArray[np.float64] | None, primary: int) -> None:
    if len(texts) != len(labels) or (weights is not None and len(weights) != len(labels)):
        raise FitError(f"{len(texts)} texts do not go with {len(labels)} labels.")
    if not np.isin(labels, (0, 1)).all():
        raise FitError("Labels must be 0 (negative) or 1 (positive).")
    if weights is not None and not (np.isfinite(weights).all() and (weights > 0).all()):
        raise FitError("Weights must be positive numbers.")
    for label, name in enumerate(("negative", "positive")):
        found = int((labels[:primary] == label).sum())
        if found < 2:
            raise FitError(f"Training needs at least two {name} texts; there are {found}.")
