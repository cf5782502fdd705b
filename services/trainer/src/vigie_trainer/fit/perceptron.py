"""Networks of one hidden layer, by scikit-learn, several of them put side by side into one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from vigie_trainer.fit.standardise import Standard
from vigie_trainer.recipe import MlpSpec

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


def fit_perceptrons(
    spec: MlpSpec,
    matrix: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    seed: int,
) -> list[Layer]:
    """Two layers, (weights (in, out), bias (out,)), for rows as they are: the mean margin of `spec.networks` networks.

    The mean of networks is itself a network: their hidden layers side by side, their last weights divided by their
    number. The standardising of the columns is folded into the first layer.
    """
    standard = Standard.of(matrix)
    rows = standard.apply(matrix, np.float32)
    networks = [_fit_one(spec, rows, labels, weights, seed + number) for number in range(spec.networks)]
    first = np.hstack([network.coefs_[0] for network in networks]).astype(np.float64)
    bias = np.concatenate([network.intercepts_[0] for network in networks]).astype(np.float64)
    last = np.vstack([network.coefs_[1] for network in networks]) / len(networks)
    plain = first / standard.deviation[:, None]
    return [
        (plain.astype(np.float32), (bias - standard.mean @ plain).astype(np.float32)),
        (last.astype(np.float32), np.mean([network.intercepts_[1] for network in networks], axis=0).astype(np.float32)),
    ]


def _fit_one(
    spec: MlpSpec,
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    seed: int,
) -> MLPClassifier:
    batch = min(spec.batch, len(labels))
    network = MLPClassifier(
        (spec.hidden,),
        alpha=spec.l2 * batch,  # scikit-learn divides it by the rows of a batch
        batch_size=batch,
        learning_rate_init=spec.learning_rate,
        random_state=seed,
    )
    epochs = spec.epochs
    if spec.max_examples is not None:
        epochs = min(epochs, max(1, math.ceil(spec.max_examples / len(labels))))
    for _ in range(epochs):
        network.partial_fit(rows, labels, classes=[0, 1], sample_weight=weights)
    return network
