"""The page Review as its visitor uses it, run by Streamlit's test runner against a small real API."""

from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

HOSTILE = '<script>alert(1)</script> **bold** [x](javascript:alert(1)) :smile: & "quoted"'


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def press(page: AppTest, name: str) -> AppTest:
    return next(button for button in page.button if (button.key or "").startswith(name)).click().run()


def item(number: int, **more):
    return {
        "prediction_id": f"p{number}",
        "text": f"tweet number {number}",
        "sentiment": "negative",
        "score": 0.42,
        "confidence": 0.58,
        "uncertain": True,
        "language": "fr",
        "model_version": "3",
        "predicted_at": "2026-11-02T10:00:00Z",
        "reasons": ["uncertain"],
        "copies": 1,
        "challenger": None,
        **more,
    }


@pytest.fixture
def five(api):
    api.items = [item(number) for number in range(1, 6)]
    return api


def test_a_card_says_what_why_and_for_how_many(open_page, five):
    challenger = {"version": "4", "sentiment": "positive", "score": 0.72}
    five.items[0] |= {"copies": 12, "reasons": ["disagreement", "disputed"], "challenger": challenger}
    shown = html(open_page("review"))
    for expected in (
        "tweet number 1",
        "Négatif",
        "58\u00a0%",
        "le candidat n’est pas d’accord",
        "vos collègues sont partagés",
        "Candidat, version 4",
        "Positif, 72\u00a0%",
        "12 tweets presque identiques",
        "5 à vérifier",
    ):
        assert expected in shown


def test_verdicts_are_sent_one_after_the_other_and_counted(open_page, five):
    page = open_page("review")
    press(page, "say_positive")
    press(page, "say_negative")
    press(page, "say_right")
    sent = [(body["prediction_id"], body["verdict"], body.get("correction")) for body in five.sent("/v1/feedback")]
    assert sent == [("p1", "wrong", "positive"), ("p2", "correct", None), ("p3", "correct", None)]
    assert "tweet number 4" in html(page)
    assert "3 vérifiés aujourd’hui" in html(page)
    assert "2 à vérifier" in html(page)


def test_undo_shows_the_card_again_and_takes_the_correction_back(open_page, five):
    page = open_page("review")
    press(page, "say_positive")
    press(page, "undo_card")
    assert "tweet number 1" in html(page)
    assert "Réponse annulée" in html(page)
    assert [body["verdict"] for body in five.sent("/v1/feedback")] == ["wrong", "correct"]


def test_one_goes_back_to_a_card_and_sees_what_was_said(open_page, five):
    page = open_page("review")
    press(page, "say_positive")
    press(page, "previous_card")
    assert "Vous avez répondu\u00a0: positif." in html(page)
    press(page, "next_card")
    press(page, "skip_card")
    assert "tweet number 3" in html(page)


def test_the_end_pleases_and_offers_what_was_skipped(open_page, api):
    api.items = [item(1), item(2)]
    page = open_page("review")
    press(page, "skip_card")
    press(page, "say_right")
    assert "Tout est vérifié, merci" in html(page)
    press(page, "see_skipped")
    assert "tweet number 1" in html(page)


def test_new_tweets_are_looked_for_when_asked(open_page, api):
    page = open_page("review")
    assert "Tout est vérifié, merci" in html(page)
    api.items = [item(1)]
    press(page, "look_again")
    assert "tweet number 1" in html(page)


def test_verdicts_that_cannot_be_sent_wait_on_every_page_and_go_later(open_page, five):
    page = open_page("review")
    five.refusing = "/v1/feedback"
    five.problem(503, "database-away")
    press(page, "say_positive")
    press(page, "say_right")
    assert "2 avis attendent d’être envoyés" in html(page)
    assert "tweet number 3" in html(page)
    five.refusal = None
    page.session_state["post"].retry_at = datetime(2000, 1, 1, tzinfo=UTC)
    page.run()
    assert set(five.judged) == {"p1", "p2"}
    assert "attendent d’être envoyés" not in html(page)


def test_a_verdict_that_the_api_refuses_is_said_on_its_card(open_page, five):
    page = open_page("review")
    five.refusing = "/v1/feedback"
    five.problem(422)
    press(page, "say_positive")
    press(page, "previous_card")
    assert "Le service a refusé cette réponse" in html(page)


def test_filters_ask_anew_and_begin_another_deck(open_page, five):
    page = open_page("review")
    page.segmented_control(key="review_language").set_value("en").run()
    asked = [query for path, query in five.queries if path == "/v1/review"]
    assert "language" not in asked[0]
    assert asked[-1]["language"] == "en"
    page.selectbox(key="review_period").set_value("week").run()
    assert [query for path, query in five.queries if path == "/v1/review"][-1]["since"].endswith("Z")


def test_without_the_right_or_the_api_the_page_says_so(open_page, five):
    five.problem(403, "forbidden")
    assert "il manque un droit" in html(open_page("review"))


def test_the_api_back_again_is_asked_again(open_page, five):
    five.problem(503, "database-away")
    page = open_page("review")
    assert "Le service ne répond pas" in html(page)
    five.refusal = None
    press(page, "retry_review")
    assert "tweet number 1" in html(page)


def test_what_people_write_is_never_markup(open_page, five):
    five.items[0]["text"] = HOSTILE
    example = {"prediction_id": "p9", "text": HOSTILE, "sentiment": "negative", "correction": "positive"}
    term = {"term": "<b>x", "language": "fr", "wrong": 3, "judged": 4, "lift": 1.0, "examples": [example]}
    five.patterns = {"judged": 9, "wrong": 3, "by_language": [], "terms": [term]}
    page = open_page("review")
    shown = html(page)
    assert "<script>" not in shown
    assert "<b>x" not in shown
    assert shown.count("&lt;script&gt;") == 2
    assert not page.markdown


def test_the_words_of_the_mistakes_come_by_language_with_their_tweets(open_page, api):
    example = {
        "prediction_id": "p9",
        "text": "Bravo, encore en retard",
        "sentiment": "positive",
        "correction": "negative",
    }
    term = {"term": "bravo", "language": "fr", "wrong": 38, "judged": 44, "lift": 1.0, "examples": [example]}
    by_language = [{"language": "fr", "judged": 800, "wrong": 160}, {"language": "en", "judged": 0, "wrong": 0}]
    api.patterns = {"judged": 800, "wrong": 160, "by_language": by_language, "terms": [term]}
    shown = html(open_page("review"))
    for expected in ("bravo", "38 sur 44", "160 sur 800", "20\u00a0%", "positif → négatif", example["text"]):
        assert expected in shown


def test_one_topic_alone_is_nothing_to_choose_from(open_page, five):
    five.patterns = {"judged": 9, "wrong": 3, "by_topic": [{"topic": "Air Paradis", "judged": 9, "wrong": 3}]}
    page = open_page("review")
    assert "review_topic" not in [box.key for box in page.selectbox]


def test_a_topic_narrows_the_deck_the_patterns_and_the_files(open_page, five):
    counted = [("Air Paradis", 8, 2), ("<b>Air Enfer</b>", 4, 3), (None, 2, 1)]
    by_topic = [{"topic": topic, "judged": judged, "wrong": wrong} for topic, judged, wrong in counted]
    five.patterns = {"judged": 14, "wrong": 6, "by_topic": by_topic}
    five.items[0] |= {"topic": "Air Paradis"}
    page = open_page("review")
    assert "<dt>Sujet</dt><dd>Air Paradis</dd>" in html(page)
    for expected in ("Air Paradis</strong> <span>2 sur 8", "&lt;b&gt;Air Enfer", "Sans sujet</strong> <span>1 sur 2"):
        assert expected in html(page)
    page.selectbox(key="review_topic").select("Air Paradis").run()
    press(page, "export_button_vigie-verdicts")
    narrowed = {path for path, query in five.queries if query.get("topic") == "Air Paradis"}
    assert narrowed == {"/v1/review", "/v1/review/patterns", "/v1/feedback"}


def test_patterns_are_not_asked_for_at_every_click(open_page, five):
    page = open_page("review")
    press(page, "say_right")
    press(page, "say_right")
    assert len([path for path, _ in five.queries if path == "/v1/review/patterns"]) == 1


def test_an_export_is_made_when_asked_and_saved(open_page, five):
    page = open_page("review")
    assert not [query for path, query in five.queries if path == "/v1/feedback"]
    press(page, "export_button_vigie-errors")
    assert [query for path, query in five.queries if path == "/v1/feedback"] == [{"format": "csv", "verdict": "wrong"}]
    assert [saved.proto.label for saved in page.get("download_button")] == ["Enregistrer le fichier (1\u00a0ko)"]


def test_an_export_that_fails_is_told_once(open_page, five):
    page = open_page("review")
    five.problem(503, "database-away")
    press(page, "export_button_vigie-verdicts")
    assert "Le fichier n’a pas pu être préparé" in html(page)
    five.refusal = None
    assert "Le fichier n’a pas pu être préparé" not in html(page.run())
