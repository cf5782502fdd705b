"""Fitting a recipe of a network: training, calibration on rows it was not trained on, artifact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.fit.languages import calibrate_by_language
from vigie_trainer.fit.networks.trained import TrainedNetwork
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.task import Rows, Task, flat_parameters
from vigie_trainer.network_recipe import BertSpec, NetworkRecipe


def held_out_rows(labels: NDArray[np.int64], primary: int, most: int, seed: int) -> Rows:
    """Primary rows that a network is not trained on: a tenth, stratified, `most` at most; ascending.

    The same rows for every network and ensemble of the same data, so that an ensemble may weigh its members on them.
    """
    rng = np.random.default_rng(seed)
    wanted = max(2, min(most, primary // 10))
    chosen: list[Rows] = []
    for label in (0, 1):
        rows = np.flatnonzero(labels[:primary] == label)
        share = max(1, round(wanted * len(rows) / primary))
        chosen.append(rng.permutation(rows)[:share])
    return np.sort(np.concatenate(chosen))


def train_network_of(recipe: NetworkRecipe, task: Task) -> TrainedNetwork:
    """Train the recipe's network on all rows of the task's sample; nothing is written.

    Raises FitError when the extra `deep` is not installed, or the encoder or the vectors cannot be had.
    """
    # Each imported here: TensorFlow's neighbourhood is loaded for those who train.
    spec = recipe.network
    if isinstance(spec, BertSpec):
        from vigie_trainer.fit.networks.bert import train_bert

        return train_bert(spec, task)
    from vigie_trainer.fit.networks.bilstm import train_bilstm

    return train_bilstm(spec, recipe.cleaning, task)


def fit_network(recipe: NetworkRecipe, task: Task) -> FitResult:
    """Train the network on all rows but a tenth of the primary ones, calibrate it on those, write the artifact.

    Raises what `train_network_of` does, and ArtifactError when the artifact's folder holds something already.
    """
    sample = task.sample
    aside = held_out_rows(sample.labels, sample.primary, recipe.holdout_rows, task.seed)
    network = train_network_of(recipe, replace(task, sample=sample.without(aside)))
    task.progress("write", 0.0)
    unseen = sample.take(aside)
    margins = network.scorer.margins(unseen.texts)
    calibration = calibrate_by_language(
        recipe.calibration, margins, unseen.labels, network.scorer.margins, task.context, unseen.weights
    )
    scores = task.write(recipe.name, network.scorer, calibration, unseen, margins)
    right = float(((scores >= 0.5) == (unseen.labels == 1)).mean())
    parameters = flat_parameters(recipe.network.model_dump(), "network")
    summary = {"rows": len(aside), "accuracy": right}
    return FitResult(task.out, parameters, summary, 0.0, network.seconds, dict(network.curves))
