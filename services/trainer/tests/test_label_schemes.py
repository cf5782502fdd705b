from collections import Counter

import pytest

from vigie_trainer.data.labels import NEGATIVE, NEUTRAL, POSITIVE, choose_scheme, normalised, parse_labels_option
from vigie_trainer.errors import Misuse


def meaning(value: str, *column: str, option: str | None = None) -> int | None:
    return choose_scheme(Counter(map(normalised, column or (value,))), option).get(normalised(value))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (("0", "1"), {"0": NEGATIVE, "1": POSITIVE}),
        (("0", "4"), {"0": NEGATIVE, "4": POSITIVE}),
        (("0", "2", "4"), {"0": NEGATIVE, "2": NEUTRAL, "4": POSITIVE}),
        (("0.0", "4.0"), {"0.0": NEGATIVE, "4.0": POSITIVE}),
        (("negative", "Neutral", "POSITIVE"), {"negative": NEGATIVE, "Neutral": NEUTRAL, "POSITIVE": POSITIVE}),
        (("négatif", "neutre", "positif"), {"négatif": NEGATIVE, "neutre": NEUTRAL, "positif": POSITIVE}),
        (("Ne\u0301gatif ", " positif"), {"Ne\u0301gatif ": NEGATIVE, " positif": POSITIVE}),
        (("1",), {"1": POSITIVE}),
        (("0",), {"0": NEGATIVE}),
        (("4",), {"4": POSITIVE}),
    ],
)
def test_known_values_are_understood(column: tuple[str, ...], expected: dict[str, int]) -> None:
    assert {value: meaning(value, *column) for value in column} == expected


@pytest.mark.parametrize(
    "column", [("0", "1", "2"), ("-1", "0", "1"), ("1", "2", "3", "4", "5"), ("3", "7"), ("--5", "3", "7")]
)
def test_numbers_that_can_be_read_in_two_ways_must_be_explained(column: tuple[str, ...]) -> None:
    with pytest.raises(Misuse, match="--labels"):
        choose_scheme(Counter(column))


def test_a_slip_in_a_few_rows_is_an_unknown_label_and_no_other_scheme() -> None:
    scheme = choose_scheme(Counter({"0": 50, "1": 50, "2": 1, "7": 1}))
    assert (scheme["0"], scheme["1"], scheme.get("2"), scheme.get("7")) == (NEGATIVE, POSITIVE, None, None)


def test_the_option_names_the_values_in_order_or_one_by_one() -> None:
    assert parse_labels_option("negative,neutral,positive") == {"0": NEGATIVE, "1": NEUTRAL, "2": POSITIVE}
    assert parse_labels_option("-1=négatif, 1=positif") == {"-1": NEGATIVE, "1": POSITIVE}
    assert meaning("2", "0", "1", "2", option="negative,neutral,positive") == POSITIVE


@pytest.mark.parametrize("option", ["bad,good", "0=negative,0=positive", ""])
def test_an_option_that_makes_no_sense_is_refused(option: str) -> None:
    with pytest.raises(Misuse, match="--labels"):
        parse_labels_option(option)
