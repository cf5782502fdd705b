"""Fitting a recipe of a network: training, calibration on rows it was not trained on, artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vigie_model
from vigie_trainer.fit.calibrate import reference_statistics, uncertain_band
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.languages import calibrate_by_language, calibrated
from vigie_trainer.fit.networks.trained import TrainedNetwork
from vigie_trainer.fit.result import FitResult
from vigie_trainer.network_recipe import BertSpec, NetworkRecipe

Rows = NDArray[np.intp]


def held_out_rows(labels: NDArray[np.int64], primary: int, most: int, seed: int) -> Rows:
    """Primary rows that a network is not trained on: a tenth, stratified, `most` at most; ascending.

    The same rows for every network and ensemble of the same data, so that an ensemble may weigh its members on them.
    """
    rng = np.random.default_rng(seed)
    wanted = max(2, min(most, primary // 10))
    chosen: list[NDArray[np.intp]] = []
    for label in (0, 1):
        rows = np.flatnonzero(labels[:primary] == label)
        share = max(1, round(wanted * len(rows) / primary))
        chosen.append(rng.permutation(rows)[:share])
    return np.sort(np.concatenate(chosen))


def train_spec(
    recipe: NetworkRecipe,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    context: FitContext,
    seed: int,
    threads: int,
    progress: Callable[[float], None],
) -> TrainedNetwork:
    """Train the recipe's network on all the given rows."""
    spec = recipe.network
    if isinstance(spec, BertSpec):
        from vigie_trainer.fit.networks.bert import train_bert

        return train_bert(
            spec, texts, labels, weights, checkpoints=context.cache, seed=seed, threads=threads, progress=progress
        )
    from vigie_trainer.fit.networks.bilstm import train_bilstm

    return train_bilstm(
        spec,
        recipe.cleaning,
        texts,
        labels,
        weights,
        checkpoints=context.cache,
        glove=context.encoders.glove,
        seed=seed,
        threads=threads,
        progress=progress,
    )


def fit_network(
    recipe: NetworkRecipe,
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
    """Train the network on all rows but a tenth of the primary ones, calibrate it on those, write the artifact.

    Raises FitError when the extra `deep` is not installed, ArtifactError when `out` holds something already.
    """
    aside = held_out_rows(labels, context.primary_rows(len(texts)), recipe.holdout_rows, seed)
    kept = np.setdiff1d(np.arange(len(texts)), aside)
    network = train_spec(
        recipe,
        [texts[at] for at in kept],
        labels[kept],
        None if weights is None else weights[kept],
        context=context,
        seed=seed,
        threads=threads,
        progress=lambda share: progress("fit", share),
    )
    progress("write", 0.0)
    unseen = [texts[at] for at in aside]
    margins = network.scorer.margins(unseen)
    calibration = calibrate_by_language(recipe.calibration, margins, labels[aside], network.scorer.margins, context)
    scores = calibrated(calibration, margins, unseen)
    band = uncertain_band(scores, labels[aside])
    vigie_model.save(
        out,
        recipe=recipe.name,
        scorer=network.scorer,
        calibration=calibration,
        uncertain=band,
        reference=reference_statistics(unseen, scores, labels[aside], band),
        trained=dict(trained),
    )
    progress("write", 1.0)
    right = float(((scores >= 0.5) == (labels[aside] == 1)).mean())
    summary = {"rows": len(aside), "accuracy": right}
    return FitResult(out, _params(recipe), summary, 0.0, network.seconds, dict(network.curves))


def _params(recipe: NetworkRecipe) -> dict[str, str | int | float | bool | None]:
    flat: dict[str, str | int | float | bool | None] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}", inner)
        else:
            flat[prefix] = value

    walk("network", recipe.network.model_dump())
    return flat
