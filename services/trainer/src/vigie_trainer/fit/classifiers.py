"""Classifiers: fitted on a matrix, then handed to the runtime as a head.

Each fitter is a pure function of its arguments; the seed and the number of threads are among them. Sparse matrices are
TF-IDF, dense ones embeddings (float32).
"""

from __future__ import annotations

from typing import Protocol, TypeAlias, assert_never

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from vigie_model import BoosterHead, ForestHead, LinearHead
from vigie_model.heads import MlpHead
from vigie_trainer.fit.forest_onnx import forest_graph
from vigie_trainer.fit.perceptron import fit_perceptrons
from vigie_trainer.fit.standardise import Standard
from vigie_trainer.recipe import BoosterSpec, Classifier, ForestSpec, LogregSpec, MlpSpec

Matrix: TypeAlias = csr_matrix | NDArray[np.float32]
AnyHead: TypeAlias = LinearHead | ForestHead | BoosterHead | MlpHead

_DOUBLE_UP_TO = 30_000_000  # numbers; a larger matrix is standardised in single precision, at half the memory


class FittedClassifier(Protocol):
    """A fitted classifier. A margin of `threshold` or more means positive, before calibration."""

    threshold: float

    def margins(self, matrix: Matrix) -> NDArray[np.float64]:
        """One margin a row, rising with P(positive)."""
        ...

    def head(self, scale: NDArray[np.float64] | None, threads: int) -> AnyHead:
        """The head of the artifact; `scale` is the factor of each column that the runtime does not apply."""
        ...


class _Linear:
    threshold = 0.0

    def __init__(self, weights: NDArray[np.float64], intercept: float) -> None:
        self._weights = weights
        self._intercept = intercept

    def margins(self, matrix: Matrix) -> NDArray[np.float64]:
        return np.asarray(matrix @ self._weights + self._intercept)

    def head(self, scale: NDArray[np.float64] | None, threads: int) -> LinearHead:
        return LinearHead(self._weights if scale is None else self._weights * scale, self._intercept)


class _Forest:
    threshold = 0.5

    def __init__(self, model: RandomForestClassifier) -> None:
        self._model = model

    def margins(self, matrix: Matrix) -> NDArray[np.float64]:
        return np.asarray(self._model.predict_proba(matrix.astype(np.float32))[:, 1])

    def head(self, scale: NDArray[np.float64] | None, threads: int) -> ForestHead:
        return ForestHead(forest_graph(self._model), self._model.n_features_in_, threads)


class _Booster:
    threshold = 0.0

    def __init__(self, booster: lightgbm.Booster) -> None:
        self._booster = booster

    def margins(self, matrix: Matrix) -> NDArray[np.float64]:
        scores = self._booster.predict(matrix, raw_score=True, num_threads=1)
        return np.asarray(scores, dtype=np.float64)

    def head(self, scale: NDArray[np.float64] | None, threads: int) -> BoosterHead:
        return BoosterHead(self._booster.model_to_string(), threads)


class _Perceptrons:
    threshold = 0.0

    def __init__(self, head: MlpHead) -> None:
        self._head = head

    def margins(self, matrix: Matrix) -> NDArray[np.float64]:
        return self._head.margins(matrix)

    def head(self, scale: NDArray[np.float64] | None, threads: int) -> MlpHead:
        return self._head


def fit_classifier(
    spec: Classifier,
    matrix: Matrix,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    seed: int,
    threads: int,
) -> FittedClassifier:
    """The classifier of `spec` fitted on the rows of `matrix`.

    Raises TypeError for an mlp on a sparse matrix; recipes do not allow it.
    """
    match spec:
        case LogregSpec():
            if isinstance(matrix, np.ndarray):
                return _dense_logistic(spec, matrix, labels, weights)
            # liblinear's dual solver passes over the rows in a seeded order and needs a fraction of a second.
            model = LogisticRegression(
                C=spec.C, solver="liblinear", dual=True, tol=1e-3, max_iter=2000, random_state=seed
            )
            model.fit(matrix, labels, sample_weight=weights)
            return _Linear(model.coef_[0].astype(np.float64), float(model.intercept_[0]))
        case ForestSpec():
            forest = RandomForestClassifier(
                n_estimators=spec.trees,
                max_features=spec.max_features,
                min_samples_leaf=spec.min_samples_leaf,
                max_depth=spec.max_depth,
                max_samples=None if spec.max_rows is None else min(spec.max_rows, len(labels)),
                n_jobs=threads,
                random_state=seed,
            )
            return _Forest(forest.fit(matrix.astype(np.float32), labels, sample_weight=weights))
        case BoosterSpec():
            return _Booster(_boost(spec, matrix, labels, weights, seed=seed))
        case MlpSpec():
            if not isinstance(matrix, np.ndarray):
                raise TypeError("a perceptron takes a dense matrix")
            return _Perceptrons(MlpHead(fit_perceptrons(spec, matrix, labels, weights, seed=seed)))
        case _:
            assert_never(spec)


def _dense_logistic(
    spec: LogregSpec, matrix: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> _Linear:
    standard = Standard.of(matrix)
    rows = standard.apply(matrix, np.float64 if matrix.size <= _DOUBLE_UP_TO else np.float32)
    # Some hundred columns: Newton's method with the exact Hessian needs half a dozen passes, whatever the rows.
    model = LogisticRegression(C=spec.C, solver="newton-cholesky", tol=1e-5, max_iter=200)
    model.fit(rows, labels, sample_weight=weights)
    return _Linear(*standard.folded(model.coef_[0].astype(np.float64), float(model.intercept_[0])))


def _boost(
    spec: BoosterSpec,
    matrix: Matrix,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    *,
    seed: int,
) -> lightgbm.Booster:
    parameters = {
        "objective": "binary",
        "num_leaves": spec.leaves,
        "learning_rate": spec.learning_rate,
        "min_data_in_leaf": min(spec.min_child_samples, max(1, len(labels) // 4)),
        "feature_fraction": spec.feature_fraction,
        "bagging_fraction": spec.bagging_fraction,
        "bagging_freq": 1 if spec.bagging_fraction < 1.0 else 0,
        "lambda_l2": spec.lambda_l2,
        "max_bin": spec.max_bin,
        # One: LightGBM's threads meet at a barrier after every feature of every leaf, which on a machine that does
        # anything else costs far more (seen: minutes for a fit of four seconds) than a second core saves.
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(matrix, label=labels, weight=weights, params={"verbosity": -1}, free_raw_data=True)
    return lightgbm.train(parameters, data, num_boost_round=spec.rounds)
