"""Given labels, in numbers or words."""

import pandas as pd
import pytest

from vigie_api.replay.errors import Misuse
from vigie_api.replay.labels import LabelReader


def negative(*values):
    reader = LabelReader()
    codes = reader.codes(pd.Series(list(values), dtype=str))
    meaning = reader.negative()
    return [None if code < 0 else meaning[code] for code in codes]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("0", "1"), [True, False]),
        (("0", "4"), [True, False]),
        (("0", "2", "4"), [True, False, False]),
        (("-1", "0", "1"), [True, False, False]),
        (("0.0", "1.0"), [True, False]),
        (("negative", "neutral", "positive"), [True, False, False]),
        (("Négatif", "neutre", "POSITIF"), [True, False, False]),
        (("négative", " positive "), [True, False]),
        (("negative", "", "positive"), [True, None, False]),
    ],
)
def test_labels_are_negative_or_not(values, expected):
    assert negative(*values) == expected


@pytest.mark.parametrize("values", [("angry", "happy"), ("0", "7")])
def test_an_unknown_label_is_named(values):
    with pytest.raises(Misuse, match=r"label '(angry|7)' is not known"):
        negative(*values)


def test_numbers_of_no_scheme_are_refused():
    with pytest.raises(Misuse, match="-1, 4 fit no scheme"):
        negative("-1", "4")
