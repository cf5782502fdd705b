"""Classifiers on dense features: what was fitted is what the head computes, on rows as they are."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from vigie_trainer.fit.classifiers import fit_classifier
from vigie_trainer.fit.standardise import Standard
from vigie_trainer.recipe import BoosterSpec, ForestSpec, LogregSpec, MlpSpec

SPECS = [
    LogregSpec(kind="logreg", C=0.1),
    ForestSpec(kind="rf", trees=10, max_rows=50),
    BoosterSpec(kind="lgbm", rounds=15, min_child_samples=3),
    MlpSpec(kind="mlp", hidden=8, networks=2, epochs=30, batch=8, l2=0.01),
]


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    labels = random.integers(0, 2, 200)
    matrix = random.normal(3.0, 2.0, (200, 6)) * [1, 10, 0.1, 1, 1, 0] + labels[:, None] * [4, 0, 0.3, 0, 0, 0]
    return matrix.astype(np.float32), labels


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_the_head_says_what_the_classifier_said(spec, rows: tuple[np.ndarray, np.ndarray]):
    matrix, labels = rows
    model = fit_classifier(spec, matrix, labels, None, seed=1, threads=1)
    margins = model.margins(matrix)
    np.testing.assert_allclose(model.head(None, 1).margins(matrix), margins, atol=1e-6)
    assert ((margins >= model.threshold) == labels).mean() > 0.75


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_a_heavy_row_counts_more(spec, rows: tuple[np.ndarray, np.ndarray]):
    matrix, labels = rows
    heavy = np.where(labels == 1, 8.0, 1.0)
    plain = fit_classifier(spec, matrix, labels, None, seed=1, threads=1).margins(matrix)
    weighed = fit_classifier(spec, matrix, labels, heavy, seed=1, threads=1).margins(matrix)
    assert weighed.mean() > plain.mean()


def test_logistic_regression_is_scikit_learns_on_standardised_columns(rows: tuple[np.ndarray, np.ndarray]):
    matrix, labels = rows
    scaled = StandardScaler().fit_transform(matrix.astype(np.float64))
    expected = LogisticRegression(C=0.1, tol=1e-8).fit(scaled, labels).decision_function(scaled)
    found = fit_classifier(SPECS[0], matrix, labels, None, seed=1, threads=1).margins(matrix)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_column_without_any_variation_weighs_nothing():
    matrix = np.full((10, 1), 0.1, dtype=np.float32)
    standard = Standard.of(matrix)
    assert standard.deviation.tolist() == [1.0]
    np.testing.assert_allclose(standard.apply(matrix, np.float64), np.zeros((10, 1)), atol=1e-7)


def test_a_network_sees_no_more_rows_than_it_may(rows: tuple[np.ndarray, np.ndarray]):
    matrix, labels = rows
    short = MlpSpec(kind="mlp", hidden=4, networks=1, epochs=50, max_examples=200, batch=16)
    once = short.model_copy(update={"epochs": 1, "max_examples": None})
    np.testing.assert_array_equal(
        fit_classifier(short, matrix, labels, None, seed=1, threads=1).margins(matrix),
        fit_classifier(once, matrix, labels, None, seed=1, threads=1).margins(matrix),
    )


def test_a_network_takes_no_sparse_matrix():
    with pytest.raises(TypeError, match="dense"):
        fit_classifier(SPECS[3], csr_matrix(np.eye(4)), np.array([0, 1, 0, 1]), None, seed=1, threads=1)
