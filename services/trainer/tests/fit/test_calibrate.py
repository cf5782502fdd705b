"""Calibration and the uncertain band, from out-of-fold margins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_model import Isotonic, Platt
from vigie_trainer.fit.calibrate import fit_calibration, uncertain_band

ROWS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def drawn(rows: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    margins = random.normal(0, 2, rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(-(0.7 * margins + 0.4)))).astype(np.int64)
    return margins, labels


def test_platt_finds_the_curve_that_the_labels_were_drawn_from():
    calibration = fit_calibration("platt", *drawn())
    assert isinstance(calibration, Platt)
    assert calibration.slope == pytest.approx(0.7, abs=0.06)
    assert calibration.intercept == pytest.approx(0.4, abs=0.1)


def test_isotonic_scores_are_near_the_share_of_positives():
    margins, labels = drawn()
    calibration = fit_calibration("isotonic", margins, labels)
    assert isinstance(calibration, Isotonic)
    scores = calibration.many(margins)
    assert (scores > 0).all()
    assert (scores < 1).all()
    for low in np.arange(0.1, 0.9, 0.2):
        inside = (scores >= low) & (scores < low + 0.2)
        assert labels[inside].mean() == pytest.approx(scores[inside].mean(), abs=0.05)


def test_without_calibration_the_score_is_the_logistic_function_of_the_margin():
    assert fit_calibration("none", *drawn(10)) == Platt()


def test_margins_that_are_all_equal_have_nothing_to_calibrate():
    assert fit_calibration("platt", np.full(6, 0.5), np.array([0, 1] * 3)) == Platt()


def test_margins_that_separate_the_classes_get_a_finite_curve():
    calibration = fit_calibration("platt", np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1]))
    assert 0.5 < calibration.one(2.0) < 0.99


@given(ROWS)
def test_outside_the_band_nine_of_ten_verdicts_are_right_and_no_smaller_band_does(rows: list[tuple[float, bool]]):
    scores = np.array([score for score, _ in rows])
    labels = np.array([int(label) for _, label in rows])
    low, high = uncertain_band(scores, labels)
    assert 0 <= low <= 0.5 <= high <= 1
    right = (scores >= 0.5) == (labels == 1)

    def accuracy(half: float) -> float | None:
        sure = np.abs(scores - 0.5) >= half
        return right[sure].mean() if sure.any() else None

    halves = sorted({0.0, *np.abs(scores - 0.5).tolist()})
    enough = [half for half in halves if (share := accuracy(half)) is not None and share >= 0.9]
    if not enough:
        assert (low, high) == (0.0, 1.0)
    elif enough[0] == 0.0 or (accuracy(0.0) == accuracy(enough[0]) and enough[0] == min(np.abs(scores - 0.5))):
        assert (low, high) == (0.5, 0.5)
    else:
        assert high == pytest.approx(0.5 + enough[0])
        assert low == pytest.approx(0.5 - enough[0])
