"""Folds: each text on one side, extra rows learned from and never scored."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from vigie_trainer.data.rows import text_key
from vigie_trainer.fit.folds import make_folds, sampled_rows

ROWS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 1)), max_size=60)
TWO_OF_EACH = [("one", 0), ("two", 0), ("three", 1), ("four", 1)]


@given(ROWS, ROWS, st.integers(2, 6))
@settings(max_examples=60)
def test_a_text_is_on_one_side_of_every_fold(primary: list, extra: list, wanted: int):
    primary = TWO_OF_EACH + primary
    texts = [text for text, _ in primary + extra]
    labels = np.array([label for _, label in primary + extra])
    folds = make_folds(texts, labels, wanted, 1, len(primary))
    scored = np.concatenate([held_out for _, held_out in folds])
    assert sorted(scored.tolist()) == list(range(len(primary)))
    for train, held_out in folds:
        keys = {text_key(texts[row]) for row in held_out}
        assert not keys & {text_key(texts[row]) for row in train}
        left = set(range(len(texts))) - set(train.tolist()) - set(held_out.tolist())
        assert all(row >= len(primary) and text_key(texts[row]) in keys for row in left)


def test_case_accents_and_spaces_make_no_other_text():
    texts = ["Déjà vu", "deja  VU", "one", "two", "three", "four"]
    folds = make_folds(texts, np.array([0, 0, 0, 1, 1, 1]), 2, 3, 6)
    assert all(({0, 1} <= set(held_out.tolist())) or not ({0, 1} & set(held_out.tolist())) for _, held_out in folds)


def test_without_copies_the_folds_are_the_usual_ones():
    texts, labels = [f"text {number}" for number in range(40)], np.arange(40) % 2
    usual = StratifiedKFold(4, shuffle=True, random_state=9).split(texts, labels)
    for (train, held_out), (usual_train, usual_held_out) in zip(
        make_folds(texts, labels, 4, 9, 40), usual, strict=True
    ):
        np.testing.assert_array_equal(train, usual_train)
        np.testing.assert_array_equal(held_out, usual_held_out)


def test_rows_that_are_all_copies_are_split_nonetheless():
    folds = make_folds(["good", "bad", "good", "bad"], np.array([1, 0, 1, 0]), 5, 1, 4)
    assert len(folds) == 2


def test_a_sample_takes_primary_rows_first_and_keeps_the_balance():
    labels = np.array([0, 0, 0, 1] * 50)
    rows, primary = sampled_rows(labels, 120, 1, 100)
    assert (len(rows), primary) == (120, 100)
    assert labels[rows[100:]].mean() == 0.25
    rows, primary = sampled_rows(labels, 40, 1, 100)
    assert (len(rows), primary) == (40, 40)
    assert rows.max() < 100
    assert labels[rows].mean() == 0.25
    assert (np.diff(rows) > 0).all()
