"""Numbers, shares, plurals and moments as each language writes them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from vigie_ui.i18n import as_language, load_catalogue

FR, EN = load_catalogue("fr"), load_catalogue("en")
NOW = datetime(2026, 11, 12, 14, 5, tzinfo=ZoneInfo("Europe/Paris"))


def test_thousands_have_a_narrow_space_in_french_and_a_comma_in_english():
    assert FR.number(10_000) == "10\u202f000"
    assert EN.number(10_000) == "10,000"


def test_per_cent_has_its_space_in_french_only():
    assert FR.percent(0.931) == "93\u00a0%"
    assert EN.percent(0.931) == "93%"


def test_what_is_not_certain_is_never_a_flat_hundred():
    assert FR.percent(0.9991) == ">\u00a099\u00a0%"
    assert EN.percent(0.9991) == "> 99%"
    assert EN.percent(1.0) == "100%"


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [(0, "avis attend", "answers"), (1, "avis attend", "answer "), (2, "avis attendent", "answers")],
)
def test_plurals_follow_the_language(count, french, english):
    assert french in FR.plural("waiting", count)
    assert english in EN.plural("waiting", count)


@pytest.mark.parametrize(
    ("hour", "french", "english"),
    [
        (0, "à 0\u00a0h\u00a005", "at 12:05\u00a0am"),
        (12, "à 12\u00a0h\u00a005", "at 12:05\u00a0pm"),
        (14, "à 14\u00a0h\u00a005", "at 2:05\u00a0pm"),
    ],
)
def test_todays_moment_is_its_time(hour, french, english):
    at = NOW.replace(hour=hour)
    assert FR.moment(at, NOW) == french
    assert EN.moment(at, NOW) == english


def test_an_earlier_moment_names_its_day():
    at = NOW - timedelta(days=1)
    assert FR.moment(at, NOW) == "le 11\u00a0novembre à 14\u00a0h\u00a005"
    assert EN.moment(at, NOW) == "on 11\u00a0November at 2:05\u00a0pm"


@pytest.mark.parametrize(
    ("value", "language"), [("fr", "fr"), ("EN", "en"), ("fr-CA", "fr"), ("de", None), ("", None), (None, None)]
)
def test_a_language_is_read_from_its_code(value, language):
    assert as_language(value) == language


def test_an_unknown_key_is_a_bug():
    with pytest.raises(KeyError):
        FR("no.such.key")
