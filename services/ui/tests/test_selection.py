"""What the address says and what the page looks at are the same."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_ui.selection import DEFAULT_PERIOD, PERIOD_WORDS, PERIODS, Selection

NOW = datetime(2026, 11, 2, 10, 17, 31, tzinfo=UTC)
WORDS = st.none() | st.text(min_size=1, max_size=64).filter(lambda text: text.strip() == text)


@given(
    st.builds(
        Selection,
        topic=WORDS,
        source=WORDS,
        language=st.sampled_from([None, "fr", "en"]),
        period=st.sampled_from(list(PERIODS)),
        sentiment=st.sampled_from([None, "negative", "positive"]),
        term=WORDS,
    )
)
def test_a_selection_comes_back_from_its_address(selection):
    told = {name: value for name, value in selection.address().items() if value is not None}
    assert Selection.read(told) == selection


def test_what_makes_no_sense_in_an_address_asks_for_nothing():
    asked = {"period": "forever", "language": "de", "sentiment": "angry", "topic": "  ", "lang": "fr", "more": "x"}
    assert Selection.read(asked) == Selection()


def test_what_goes_without_saying_is_not_in_the_address():
    assert not any(Selection().address().values())


def test_another_topic_has_other_words():
    chosen = Selection(topic="a", term="grève", period="7d")
    assert chosen.but(topic="b") == Selection(topic="b", period="7d")
    assert chosen.but(sentiment="negative").term == "grève"
    assert chosen.but(period=None).period == DEFAULT_PERIOD


@pytest.mark.parametrize(
    ("period", "since", "step"),
    [
        ("6h", "2026-11-02T04:20:00Z", "5m"),
        ("24h", "2026-11-01T10:20:00Z", "1h"),
        ("7d", "2026-10-26T10:20:00Z", "1h"),
        ("30d", "2026-10-03T10:20:00Z", "1d"),
    ],
)
def test_a_period_begins_on_five_minutes_so_that_one_answer_serves_a_while(period, since, step):
    assert Selection(period=period).window(NOW) == {"since": since, "step": step}


def test_every_period_has_words():
    assert PERIODS.keys() == PERIOD_WORDS.keys()


@pytest.mark.parametrize(("chosen", "narrowed"), [({}, False), ({"topic": "a"}, False), ({"source": "x"}, True)])
def test_only_a_part_of_a_topic_is_narrow(chosen, narrowed):
    assert Selection(**chosen).narrowed is narrowed
