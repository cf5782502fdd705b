"""Patterns of the mistakes: terms that wrong predictions have more often than right ones of the same language."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.feedback.table import Entry, keep
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.review.patterns import Judged, log_odds, patterns, terms, words_of
from vigie_api.settings import Settings

COUNTS = st.integers(0, 500).flatmap(lambda posts: st.tuples(st.integers(0, posts), st.just(posts)))


def _judged(number: int, text: str, verdict: str = "wrong", language: str = "fr") -> Judged:
    return Judged(f"p{number}", text, language, verdict, "positive", "negative" if verdict == "wrong" else "positive")


def _posts(*groups: tuple[int, str, str]) -> list[Judged]:
    texts = [(text, verdict) for count, text, verdict in groups for _ in range(count)]
    return [_judged(number, text, verdict) for number, (text, verdict) in enumerate(texts)]


@given(COUNTS, COUNTS)
def test_exchanging_wrong_and_right_turns_the_sign(wrong, right):
    lift, z = log_odds(*wrong, *right)
    back, back_z = log_odds(*right, *wrong)
    assert lift == pytest.approx(-back, abs=1e-9)
    assert z == pytest.approx(-back_z, abs=1e-9)


@given(COUNTS)
def test_a_term_that_both_sides_have_equally_often_says_nothing(side):
    assert log_odds(*side, *side)[0] == pytest.approx(0, abs=1e-9)


@given(st.integers(1, 300), COUNTS, st.data())
def test_one_more_mistake_with_a_term_never_lowers_it(wrong, right, data):
    with_it = data.draw(st.integers(0, wrong - 1))
    assert log_odds(with_it + 1, wrong, *right)[0] > log_odds(with_it, wrong, *right)[0]


@given(st.integers(1, 20), st.integers(0, 20))
def test_the_more_posts_show_a_difference_the_surer_it_is(with_it, without):
    few = log_odds(with_it, with_it + without, 0, with_it + without)
    many = log_odds(20 * with_it, 20 * (with_it + without), 0, 20 * (with_it + without))
    assert many[1] > few[1] > 0


def test_the_figures_are_those_of_the_formula_worked_by_hand():
    # Rates (8 + 0.04) / 12 and (2 + 0.04) / 22, their mean 0.38136 in 25 posts weighs 9.53409.
    # ln(17.53409 / 17.46591) - ln(11.53409 / 33.46591) = 1.06909; its variance is 1 / 17.53409 + 1 / 11.53409.
    assert log_odds(8, 10, 2, 20) == pytest.approx((1.06909, 2.81998), abs=1e-4)


def test_the_word_of_the_mistakes_comes_first_and_the_word_of_all_posts_not_at_all():
    posts = _posts(
        (8, "vol génial, bagage perdu", "wrong"), (3, "vol bagage", "correct"), (30, "vol parfait", "correct")
    )
    found = patterns(posts)
    names = [term.term for term in found]
    assert {"perdu", "génial"} <= set(names)
    assert "vol" not in names
    assert "parfait" not in names
    first = found[0]
    assert (first.wrong, first.judged, first.language) == (8, 8, "fr")
    (luggage,) = [term for term in found if term.term == "bagage"]
    assert (luggage.wrong, luggage.judged) == (8, 11)
    assert luggage.lift < first.lift


def test_two_words_are_shown_together_only_where_they_say_more_than_each_alone():
    apart = _posts((6, "pas mal", "wrong"), (9, "pas cher", "correct"), (9, "très mal", "correct"))
    assert patterns(apart)[0].term == "pas mal"
    always = _posts((6, "wifi cassé", "wrong"), (9, "repas chaud", "correct"))
    assert "wifi cassé" not in [term.term for term in patterns(always)]


def test_a_language_is_compared_with_itself():
    french = _posts((5, "retard encore", "wrong"), (5, "équipage charmant", "correct"))
    english = [_judged(100 + n, "retard flight", "correct", "en") for n in range(50)]
    (delay,) = [term for term in patterns(french + english) if term.term == "retard"]
    assert (delay.language, delay.wrong, delay.judged) == ("fr", 5, 5)


def test_where_nobody_confirmed_anything_the_frequent_words_of_the_mistakes_come_first():
    posts = _posts((5, "bagage perdu", "wrong"), (2, "wifi lent", "wrong"))
    assert {term.term for term in patterns(posts)[:2]} == {"bagage", "perdu"}


def test_a_word_of_a_single_mistake_is_no_pattern():
    assert patterns(_posts((1, "bagage perdu", "wrong"), (9, "vol parfait", "correct"))) == []


def test_names_links_small_words_and_lone_letters_are_no_terms():
    assert terms(words_of("@vigie le vol AF12 est raté, voir https://t.co/x a b")) == {
        "vol",
        "af12",
        "raté",
        "voir",
    } | {
        "vol af12",
        "af12 raté",
        "raté voir",
    }


def test_the_longest_tweet_is_read_no_further_than_its_first_characters():
    assert "fin" not in words_of("vol " * 200 + "fin")


@given(st.lists(st.builds(_judged, st.integers(), st.text(max_size=30), st.sampled_from(["wrong", "correct"]))))
def test_whatever_was_tweeted_the_report_is_bounded_and_true(posts):
    found = patterns(posts)
    assert len(found) <= 40
    for term in found:
        assert 2 <= term.wrong <= term.judged
        assert term.lift > 0
        assert 1 <= len(term.examples) <= 3
        assert all(post.verdict == "wrong" and term.term in terms(words_of(post.text)) for post in term.examples)


@pytest.fixture
async def api(running, settings, database_url):
    """The application, on SQLite and on Postgres."""
    values = settings.model_dump() | {"database_url": database_url}
    async with running(Settings(**values)) as started:
        yield started


async def _judge(api, number: int, verdict: str, text: str, sentiment: str = "positive", language: str = "fr") -> None:
    row = PredictionRow(f"p{number}", 1.0, text, sentiment, 0.9, False, language, str(1 + number % 2), "tiny")
    now = datetime.now(UTC)
    entry = Entry(f"id{number}", f"p{number}", now, verdict, None, None, None, None, None, "ann")
    await api.services.database.write(insert_predictions, [row])
    await api.services.database.write(keep, entry)


@pytest.mark.anyio
async def test_the_report_counts_the_verdicts_and_shows_the_newest_examples(api):
    for number in range(5):
        await _judge(api, number, "wrong", f"bagage perdu {number}")
    for number in range(5, 9):
        await _judge(api, number, "correct", "great crew", language="en", sentiment="negative")
    report = (await api.client.get("/v1/review/patterns")).json()
    assert (report["judged"], report["wrong"]) == (9, 5)
    assert report["by_language"] == [
        {"language": "fr", "judged": 5, "wrong": 5},
        {"language": "en", "judged": 4, "wrong": 0},
    ]
    assert report["by_sentiment"] == [
        {"sentiment": "positive", "judged": 5, "wrong": 5},
        {"sentiment": "negative", "judged": 4, "wrong": 0},
    ]
    assert {term["term"] for term in report["terms"]} >= {"bagage", "perdu"}
    examples = report["terms"][0]["examples"]
    assert [example["prediction_id"] for example in examples] == ["p4", "p3", "p2"]
    assert examples[0] == {
        "prediction_id": "p4",
        "text": "bagage perdu 4",
        "sentiment": "positive",
        "correction": "negative",
    }


@pytest.mark.anyio
async def test_the_report_narrows_by_language_version_and_time_of_the_verdict(api):
    for number in range(6):
        await _judge(api, number, "wrong", "bagage perdu", language="fr" if number < 2 else "en")
    for query, judged in (
        ({"language": "fr"}, 2),
        ({"model_version": "2"}, 3),
        ({"since": "2999-01-01T00:00:00Z"}, 0),
        ({"until": "2999-01-01T00:00:00Z"}, 6),
    ):
        assert (await api.client.get("/v1/review/patterns", params=query)).json()["judged"] == judged


@pytest.mark.anyio
async def test_the_report_tells_the_topics_apart_and_narrows_to_one(api):
    for number, topic in enumerate(["Air Paradis"] * 3 + ["Air Enfer"] * 2 + [None]):
        row = PredictionRow(f"p{number}", 1.0, "bagage perdu", "positive", 0.9, False, "fr", "1", "tiny", topic)
        await api.services.database.write(insert_predictions, [row])
        verdict = "correct" if number == 1 else "wrong"
        said = await api.client.post("/v1/feedback", json={"prediction_id": f"p{number}", "verdict": verdict})
        assert said.status_code == 201
    report = (await api.client.get("/v1/review/patterns")).json()
    assert report["by_topic"] == [
        {"topic": "Air Paradis", "judged": 3, "wrong": 2},
        {"topic": "Air Enfer", "judged": 2, "wrong": 2},
        {"topic": None, "judged": 1, "wrong": 1},
    ]
    narrow = (await api.client.get("/v1/review/patterns", params={"topic": "Air Enfer"})).json()
    assert (narrow["judged"], narrow["wrong"], len(narrow["by_topic"])) == (2, 2, 1)


@pytest.mark.anyio
async def test_a_verdict_without_its_prediction_counts_in_the_language_of_its_text(api):
    for number, text in enumerate(["mon bagage est perdu", None]):
        body = {"prediction_id": f"lost{number}", "verdict": "wrong", "text": text}
        assert (await api.client.post("/v1/feedback", json=body)).status_code == 201
    report = (await api.client.get("/v1/review/patterns")).json()
    assert {row["language"] for row in report["by_language"]} == {"fr", "und"}
    assert (report["by_sentiment"], report["terms"]) == ([], [])
