"""In a made-up language whose every string is between ⟦ and ⟧, no word of the page stands outside them."""

import re
from html import unescape

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from vigie_ui import i18n, shell, views
from vigie_ui.server import SCRIPT

# What is typed into a terminal, and where a document is, are the same in every language.
COMMAND = re.compile(r"<code>[^<]*</code>")
OWN_NAMES = {
    "Air Paradis",
    "Bluesky",
    "Français",
    "English",
    "tfidf_logreg",
    "tfidf_rf",
    "ensemble",
    "bert",
    "use_mlp",
}
ATTRIBUTES = re.compile(r'(?:aria-label|aria-valuetext|alt|title|placeholder)="([^"]*)"')


@pytest.fixture
def made_up(api, monkeypatch):
    """The page in the made-up language, not yet opened."""
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    true = i18n.load_catalogue("fr")
    made_up = {key: f"⟦{text}⟧" for key, text in true.messages.items()}
    monkeypatch.setattr(shell, "load_catalogue", lambda language: i18n.Catalogue(language, made_up))
    yield AppTest.from_file(str(SCRIPT), default_timeout=60)
    st.cache_resource.clear()


@pytest.fixture
def strange(made_up):
    return made_up.run()


def words_outside(text: str) -> str:
    text = text.replace("TWEET", "")
    for name in OWN_NAMES:
        text = text.replace(name, "")
    while "⟦" in text:
        inner = re.sub(r"⟦[^⟦⟧]*⟧", "", text)
        if inner == text:
            break
        text = inner
    return "".join(re.findall(r"[^\W\d_]{2,}", text))


def check(page: AppTest) -> None:
    assert not page.exception
    for element in page.get("html"):
        body = COMMAND.sub("", element.proto.body)
        if body.startswith("<style>"):
            continue
        assert not words_outside(unescape(re.sub(r"<[^>]+>", "|", body))), body
        assert not any(words_outside(unescape(value)) for value in ATTRIBUTES.findall(body)), body
    for widget in [*page.button, *page.text_area, *page.text_input, *page.segmented_control, *page.selectbox]:
        seen = [widget.label, getattr(widget, "placeholder", "") or "", widget.help or ""]
        seen += list(getattr(widget, "options", []))
        assert not any(words_outside(text) for text in seen), seen
    assert not [*page.markdown, *page.title, *page.header, *page.caption, *page.error, *page.warning, *page.info]


def ask(page: AppTest, text: str) -> AppTest:
    page.text_area(key="tweet").input(text)
    return page.button(key="analyse").click().run()


def test_the_empty_page_says_nothing_of_its_own(strange):
    check(strange)


def test_verdict_correction_thanks_and_history_say_nothing_of_their_own(strange, api):
    check(ask(strange, "TWEET"))
    check(strange.button(key="no").click().run())
    check(strange.button(key="send").click().run())
    api.problem(503)
    check(strange.button(key="change").click().run())
    check(strange.button(key="send").click().run())


def test_reasons_say_nothing_of_their_own(strange, api):
    ask(strange, "TWEET")
    check(strange.button(key="why").click().run())
    strange.button(key="hide_why").click().run()
    api.problem(500)
    check(strange.button(key="why").click().run())


def test_the_models_say_nothing_of_their_own(models_first, some_models, strange):
    check(strange)
    strange.text_area(key="compare_text").input("TWEET")
    check(strange.button(key="compare").click().run())


@pytest.mark.parametrize("status", [200, 401, 500, 503])
def test_models_that_are_not_there_say_nothing_of_their_own(models_first, strange, api, status):
    if status != 200:
        api.problem(status)
        api.refusal = (status, api.refusal[1], api.refusal[2].replace(b"req-42", b"0042"))
    st.cache_resource.clear()
    check(strange.run())


@pytest.fixture
def open_strange(first_page, made_up):
    """Opens one page in the made-up language."""

    def opened(path: str) -> AppTest:
        first_page(path)
        return made_up.run()

    return opened


def press(page: AppTest, name: str) -> AppTest:
    return next(button for button in page.button if (button.key or "").startswith(name)).click().run()


def test_checking_says_nothing_of_its_own(some_live, open_strange):
    page = open_strange("review")
    check(page)
    for name in ("say_positive", "previous_card", "undo_card", "skip_card", "say_right", "export_button"):
        check(press(page, name))
    some_live.refusing = "/v1/feedback"
    some_live.problem(503, "database-away")
    check(press(page, "see_skipped"))
    check(press(page, "say_positive"))


def test_alerts_say_nothing_of_their_own(some_live, open_strange):
    page = open_strange("alertes")
    check(page)
    check(press(page, "take_"))
    some_live.refusing = "/v1/alerts/"
    some_live.problem(503, "database-away")
    check(press(page, "acknowledge"))
    some_live.refusal = None
    check(press(page, "acknowledge"))
    page.segmented_control(key="alerts_state").set_value("all").run()
    check(page)


def test_the_watch_says_nothing_of_its_own(some_watch, open_strange):
    page = open_strange("veille")
    check(page)
    for name in ("wrong_", "unsay_", "more_posts", "care_episode", "save_care", "false_alarm", "confirm_false_alarm"):
        check(press(page, name))
    for name in ("undo_false_alarm", "acknowledge_episode", "term_0", "drop_term", "look_1", "look_at_"):
        check(press(page, name))
    page.selectbox(key="past_severity").set_value("critical").run()
    check(page)
    some_watch.refusing = "/v1/episodes/"
    some_watch.problem(503, "database-away")
    check(press(press(page, "care_episode"), "save_care"))
    some_watch.refusing = ""
    check(press(page, "right_"))


def test_live_traffic_and_moves_say_nothing_of_their_own(some_live, open_strange):
    page = open_strange("models")
    check(page)
    check(press(page, "promote"))
    check(press(page, "confirm"))
    page.text_area(key="move_reason").input("TWEET")
    check(press(page, "confirm"))


@pytest.mark.parametrize("path", ["review", "alertes", "veille"])
@pytest.mark.parametrize("status", [200, 401, 500, 503])
def test_pages_that_have_nothing_to_show_say_nothing_of_their_own(open_strange, api, path, status):
    if status != 200:
        api.problem(status)
        api.refusal = (status, api.refusal[1], api.refusal[2].replace(b"req-42", b"0042"))
    check(open_strange(path))


@pytest.mark.parametrize("status", [401, 413, 422, 429, 500, 502, 503])
def test_failures_say_nothing_of_their_own(strange, api, status):
    api.problem(status)
    api.refusal = (status, api.refusal[1], api.refusal[2].replace(b"req-42", b"0042"))
    check(ask(strange, "TWEET"))


def test_every_page_is_found_and_named():
    assert [page.path for page in views.all_pages()] == ["veille", "analyse", "review", "alertes", "models"]
    assert sum(page.default for page in views.all_pages()) == 1
