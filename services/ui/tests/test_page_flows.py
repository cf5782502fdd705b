"""The page as its visitor uses it, run by Streamlit's test runner against a small real API."""

from datetime import UTC, datetime

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from vigie_ui import shell, views
from vigie_ui.server import SCRIPT

HOSTILE = '<script>alert(1)</script> **bold** [x](javascript:alert(1)) :smile: $x$ & "quoted"'


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def button(page: AppTest, key: str):
    return page.button(key=key)


def ask(page: AppTest, text: str) -> AppTest:
    page.text_area(key="tweet").input(text)
    return button(page, "analyse").click().run()


def keys(page: AppTest) -> set[str]:
    return {element.key for element in page.button}


def test_an_empty_page_invites_to_write_or_pick_an_example(page):
    assert not page.exception
    assert "Le verdict s’affichera ici" in html(page)
    assert {"examples_first", "examples_second", "examples_third"} <= keys(page)


def test_a_tweet_gets_a_verdict_in_word_percent_language_and_model(page, api):
    ask(page, "Three hours late again")
    shown = html(page)
    for expected in ("Négatif", "96\u00a0%", ">sûr<", "anglais", "sentiment, version\u00a03", "tfidf_logreg"):
        assert expected in shown
    assert api.sent("/v1/predict") == [{"text": "Three hours late again"}]


def test_the_text_stays_in_the_box_after_the_verdict(page):
    assert ask(page, "Three hours late again").text_area(key="tweet").value == "Three hours late again"


def test_an_example_is_put_into_the_box_and_judged_at_once(page, api):
    button(page, "examples_second").click().run()
    assert page.text_area(key="tweet").value == api.sent("/v1/predict")[0]["text"]
    assert "v-verdict" in html(page)


def test_a_hesitant_verdict_says_so(page, api):
    api.score, api.uncertain = 0.55, True
    shown = html(ask(page, "well"))
    assert "hésitant" in shown
    assert "Relisez le tweet" in shown


def test_what_people_write_is_never_markup(page):
    shown = html(ask(page, HOSTILE))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert HOSTILE not in [element.label for element in page.button]
    assert not page.markdown


def test_a_right_verdict_is_confirmed_with_one_click(page, api):
    ask(page, "Three hours late again")
    button(page, "yes").click().run()
    (feedback,) = api.sent("/v1/feedback")
    assert feedback["verdict"] == "correct"
    assert feedback["text"] == "Three hours late again"
    assert feedback["sentiment"] == "negative"
    assert feedback["model_version"] == "3"
    assert "correction" not in feedback
    assert "Votre confirmation est enregistrée" in html(page)


def test_a_wrong_verdict_is_corrected_with_a_comment(page, api):
    ask(page, "Three hours late again")
    button(page, "no").click().run()
    assert not api.sent("/v1/feedback")
    page.text_input(key="comment_1").input("  Ironie ")
    button(page, "send").click().run()
    (feedback,) = api.sent("/v1/feedback")
    assert (feedback["verdict"], feedback["correction"], feedback["comment"]) == ("wrong", "positive", "Ironie")
    assert "Votre correction est enregistrée\u00a0: positif." in html(page)
    assert "corrigé\u00a0: positif" in html(page)


def test_a_correction_can_be_cancelled(page, api):
    ask(page, "Three hours late again")
    button(page, "no").click().run()
    button(page, "cancel").click().run()
    assert not api.sent("/v1/feedback")
    assert "yes" in keys(page)


def test_an_answer_can_be_changed_and_the_last_one_is_sent(page, api):
    ask(page, "Three hours late again")
    button(page, "yes").click().run()
    button(page, "change").click().run()
    button(page, "send").click().run()
    assert [feedback["verdict"] for feedback in api.sent("/v1/feedback")] == ["correct", "wrong"]


def test_choosing_the_verdict_itself_as_correction_means_it_was_right(page, api):
    ask(page, "Three hours late again")
    button(page, "no").click().run()
    page.segmented_control(key="correction_1").set_value("negative")
    button(page, "send").click().run()
    assert api.sent("/v1/feedback")[0]["verdict"] == "correct"


def test_the_history_has_the_newest_first_and_puts_a_text_back(page):
    ask(page, "first of all")
    ask(page, "second of all")
    shown = html(page).partition("v-section")[2]
    assert shown.index("second of all") < shown.index("first of all")
    button(page, "reuse_1").click().run()
    assert page.text_area(key="tweet").value == "first of all"
    assert "first of all</blockquote>" in html(page)


def test_the_language_changes_everything_and_keeps_the_work(page):
    ask(page, "Three hours late again")
    page.segmented_control(key="language_switch").set_value("en").run()
    shown = html(page)
    assert "What does this tweet say?" in shown
    assert "Negative" in shown
    assert page.text_area(key="tweet").value == "Three hours late again"
    assert page.query_params["lang"] == "en"


def test_the_address_chooses_the_language(api, monkeypatch):
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    page.query_params["lang"] = "en"
    assert "What does this tweet say?" in html(page.run())


def test_an_unknown_language_in_the_address_falls_back_to_the_setting(api, monkeypatch):
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    page.query_params["lang"] = "xx"
    assert "Que dit ce tweet" in html(page.run())


@pytest.mark.parametrize(
    ("text", "said"), [("", "Il n’y a rien à analyser"), ("  \n \u200b", "Il n’y a rien à analyser")]
)
def test_a_blank_box_is_explained_without_asking_the_api(page, api, text, said):
    assert said in html(ask(page, text))
    assert not api.sent("/v1/predict")
    assert "retry" not in keys(page)


def test_a_text_over_the_limit_is_explained_and_kept(page, api):
    ask(page, "x" * 10_001)
    assert "Raccourcissez-le à 10\u202f000" in html(page)
    assert len(page.text_area(key="tweet").value) == 10_001
    assert not api.sent("/v1/predict")


def test_without_a_model_the_page_waits_and_the_verdict_comes_by_itself(page, api):
    api.problem(503, "no-model", **{"Retry-After": "5"})
    ask(page, "Three hours late again")
    assert "Le modèle se prépare" in html(page)
    api.refusal = None
    make_due(page)
    page.run()
    assert "Négatif" in html(page)


def test_with_the_api_away_the_page_says_what_to_do_and_a_button_tries_again(page, api):
    api.refusal = (502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")
    ask(page, "Three hours late again")
    assert "Le service d’analyse ne répond pas" in html(page)
    assert page.text_area(key="tweet").value == "Three hours late again"
    api.refusal = None
    button(page, "retry").click().run()
    assert "Négatif" in html(page)
    assert "ne répond pas" not in html(page)


def test_a_verdict_that_cannot_be_sent_is_kept_and_sent_later(page, api):
    ask(page, "Three hours late again")
    api.problem(503, "database-away")
    button(page, "yes").click().run()
    assert "Votre avis est gardé ici" in html(page)
    assert "1 avis attend d’être envoyé" in html(page)
    api.refusal = None
    make_due(page)
    page.run()
    assert [feedback["verdict"] for feedback in api.sent("/v1/feedback")] == ["correct", "correct"]
    assert "Votre confirmation est enregistrée" in html(page)
    assert "attend d’être envoyé" not in html(page)


def test_a_refused_answer_is_not_retried_for_ever(page, api):
    ask(page, "Three hours late again")
    api.problem(422)
    button(page, "yes").click().run()
    assert "n’a pas pu être enregistré" in html(page)
    make_due(page)
    page.run()
    assert len(api.sent("/v1/feedback")) == 1


def test_an_unexpected_failure_gives_the_reference_to_quote(page, api):
    api.problem(500)
    assert "req-42" in html(ask(page, "Three hours late again"))


def test_another_page_is_reached_from_the_head_of_every_page(api, monkeypatch):
    def second(say, settings):
        st.html(f"<p>second page in {say.language} of {settings.brand}</p>")

    two = [*views.all_pages(), views.Page(order=20, path="second", name_key="verdict.title", render=second)]
    monkeypatch.setattr(shell, "all_pages", lambda: two)
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    page = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert [link.proto.label for link in page.get("page_link")] == [
        "Veille",
        "Analyse",
        "À vérifier",
        "Alertes",
        "Modèles",
        "Verdict",
    ]


def make_due(page: AppTest) -> None:
    session = page.session_state["session"]
    past = datetime(2000, 1, 1, tzinfo=UTC)
    session.post.retry_at = past if session.post.retry_at else None
    if session.unanswered is not None:
        session.unanswered = type(session.unanswered)(session.unanswered.text, session.unanswered.error, past)
