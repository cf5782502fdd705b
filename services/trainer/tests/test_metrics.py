import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from vigie_trainer.scoring.figures import write_figures, write_learning_curves
from vigie_trainer.scoring.metrics import (
    calibration_bins,
    confusion_matrix,
    expected_calibration_error,
    metrics,
    roc_auc,
    roc_curve,
    worst_mistakes,
)

scored = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.4999, 0.5, 0.5001, 0.75, 0.99, 1.0])),
    min_size=2,
    max_size=60,
).filter(lambda rows: {label for label, _ in rows} == {0, 1})


@settings(deadline=None)
@given(scored)
def test_metrics_are_those_of_scikit_learn(rows: list[tuple[int, float]]) -> None:
    labels, scores = np.asarray([row[0] for row in rows]), np.asarray([row[1] for row in rows])
    verdicts = (scores >= 0.5).astype(int)
    found = metrics(labels, scores)
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, verdicts, labels=[0, 1], zero_division=0
    )
    expected = {
        "accuracy": sk.accuracy_score(labels, verdicts),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, verdicts),
        "roc_auc": sk.roc_auc_score(labels, scores),
        "f1_macro": sk.f1_score(labels, verdicts, average="macro", zero_division=0),
        "log_loss": sk.log_loss(labels, scores),
        "brier": sk.brier_score_loss(labels, scores),
    }
    for at, name in enumerate(("negative", "positive")):
        expected |= {
            f"precision_{name}": precision[at],
            f"recall_{name}": recall[at],
            f"f1_{name}": f1[at],
            f"support_{name}": support[at],
        }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert confusion_matrix(labels, scores) == sk.confusion_matrix(labels, verdicts, labels=[0, 1]).tolist()


@settings(deadline=None)
@given(scored)
def test_the_roc_curve_encloses_the_auc(rows: list[tuple[int, float]]) -> None:
    labels, scores = [row[0] for row in rows], [row[1] for row in rows]
    false_rate, true_rate = roc_curve(labels, scores)
    assert (false_rate[0], true_rate[0], false_rate[-1], true_rate[-1]) == (0, 0, 1, 1)
    assert sk.auc(false_rate, true_rate) == pytest.approx(roc_auc(labels, scores))


def test_one_class_has_no_auc_and_every_other_metric() -> None:
    found = metrics([1, 1, 1], [0.9, 0.8, 0.2])
    assert found["roc_auc"] is None
    assert found["accuracy"] == found["balanced_accuracy"] == pytest.approx(2 / 3)
    assert found["support_negative"] == 0
    assert found["precision_negative"] == 0.0


def test_a_score_that_means_what_it_says_has_no_calibration_error() -> None:
    assert expected_calibration_error([0, 1] * 50, [0.5] * 100) == 0.0
    assert expected_calibration_error([0] * 10, [1.0] * 10) == 1.0
    assert calibration_bins([0, 1], [0.05, 1.0]) == [
        {"rows": 1.0, "mean_score": 0.05, "share_positive": 0.0},
        {"rows": 1.0, "mean_score": 1.0, "share_positive": 1.0},
    ]


def test_the_surest_mistakes_come_first() -> None:
    assert worst_mistakes([0, 1, 0, 1], [0.6, 0.02, 0.9, 0.9]) == [1, 2, 0]
    assert worst_mistakes([0, 1, 0], [0.6, 0.02, 0.9], limit=1) == [1]


def test_pictures_are_written(tmp_path) -> None:
    labels, scores = np.asarray([0, 1, 1, 0]), np.asarray([0.2, 0.7, 0.4, 0.9])
    write_figures(tmp_path, labels, scores, "a title")
    write_learning_curves(tmp_path / "deep" / "curves.png", {"accuracy": [0.5, 0.7]}, "a title")
    names = {path.name for path in tmp_path.rglob("*.png")}
    assert names == {"confusion_matrix.png", "calibration_curve.png", "roc_curve.png", "curves.png"}
    write_figures(tmp_path / "one", labels[labels == 1], scores[labels == 1], "one class")
    assert not (tmp_path / "one" / "roc_curve.png").exists()
