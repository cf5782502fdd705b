import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from vigie_trainer.gate.paired import compare, mcnemar


def test_a_model_against_itself_differs_by_nothing() -> None:
    labels, scores = [0, 1, 0, 1, 1], [0.2, 0.6, 0.7, 0.4, 0.9]
    found = compare(labels, scores, scores, rounds=50)
    assert (found.accuracy.value, found.accuracy.low, found.accuracy.high) == (0, 0, 0)
    assert found.roc_auc is not None
    assert found.roc_auc.value == 0
    assert found.mcnemar_p == 1.0


def test_a_clear_gain_has_an_interval_above_zero_and_a_small_p() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 2, 600)
    old = np.clip(labels * 0.1 + generator.uniform(0, 0.9, 600), 0, 1)
    new = np.clip(labels * 0.5 + generator.uniform(0, 0.5, 600), 0, 1)
    found = compare(labels, old, new, rounds=200)
    assert found.accuracy.low > 0
    assert found.roc_auc is not None
    assert found.roc_auc.low > 0
    assert found.mcnemar_p < 0.001


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
)
def test_swapping_the_models_turns_the_difference_round(rows: list[tuple[int, float, float]]) -> None:
    labels, old, new = (list(column) for column in zip(*rows, strict=True))
    there, back = compare(labels, old, new, rounds=20), compare(labels, new, old, rounds=20)
    assert there.accuracy.value == pytest.approx(-back.accuracy.value)
    assert there.accuracy.low == pytest.approx(-back.accuracy.high)
    assert (there.only_champion, there.only_challenger) == (back.only_challenger, back.only_champion)
    assert there.mcnemar_p == pytest.approx(back.mcnemar_p)
    assert (there.roc_auc is None) == (len(set(labels)) == 1)
    assert there.rows == len(rows)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_exact_binomial_test_of_the_discordant_rows(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)
