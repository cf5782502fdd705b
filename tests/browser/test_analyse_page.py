"""The page Analyse in Chromium, with the real API behind it."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

expect.set_options(timeout=30_000)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

GOOD = "Boarding took five minutes and the whole crew was smiling, thank you so much!"
BAD = "Deux heures sur le tarmac sans un mot, et ma valise est perdue. Lamentable."
HOSTILE = '<script>hacked=1</script><img src=x onerror="hacked=1"> **bold** [x](javascript:alert(1)) :smile: $x$'
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


def ask(tab: Page, text: str) -> None:
    tab.locator(".st-key-tweet textarea").fill(text)
    tab.locator(".st-key-tweet textarea").press("Control+Enter")
    expect(tab.locator(".v-post")).to_have_text(text)


def kept(api, text: str) -> list[dict]:
    """What the API holds on one text: the tests share it."""
    with httpx.Client(base_url=api.url, trust_env=False, timeout=60) as http:
        rows = http.get("/v1/feedback").raise_for_status().json()["feedback"]
    return [row for row in rows if row["text"] == text]


def test_a_tweet_is_judged_and_the_text_stays_to_be_rewritten(tab):
    ask(tab, BAD)
    expect(tab.locator(".v-word")).to_have_text("Négatif")
    expect(tab.locator(".v-facts")).to_contain_text("français")
    expect(tab.locator(".v-facts")).to_contain_text("tfidf_logreg")
    expect(tab.locator(".st-key-tweet textarea")).to_have_value(BAD)
    tab.locator(".st-key-tweet textarea").fill(GOOD)
    tab.get_by_role("button", name="Analyser", exact=True).click()
    expect(tab.locator(".v-word")).to_have_text("Positif")


@pytest.mark.parametrize(("language", "why", "pulls"), [("fr", "Pourquoi", "négatif"), ("en", "Why?", "negative")])
def test_the_words_behind_a_verdict_are_marked_and_hidden_again(open_page, site, language, why, pulls):
    tab = open_page(f"{site.url}/?lang={language}")
    ask(tab, BAD)
    tab.get_by_role("button", name=why).click()
    expect(tab.locator(".v-legend")).to_contain_text(pulls)
    expect(tab.locator(".v-post")).to_have_text(BAD)
    mark = tab.locator(".v-post .v-to-negative.v-by-3").first
    assert pulls in mark.get_attribute("title")
    assert mark.evaluate("e => getComputedStyle(e).textDecorationStyle") == "dashed"
    tab.locator(".st-key-hide_why button").click()
    expect(tab.locator(".v-legend")).to_have_count(0)


def test_a_correction_reaches_the_api(tab, api):
    text = f"{BAD} Encore !"
    ask(tab, text)
    tab.get_by_role("button", name="Non").click()
    tab.get_by_label("Commentaire").fill("second degré")
    tab.get_by_role("button", name="Envoyer la correction").click()
    expect(tab.locator(".v-message.v-good")).to_contain_text("Votre correction est enregistrée")
    (row,) = kept(api, text)
    assert (row["verdict"], row["correction"], row["sentiment"]) == ("wrong", "positive", "negative")
    assert (row["text"], row["comment"]) == (text, "second degré")


def test_the_keyboard_is_enough_and_the_focus_is_seen(tab, api):
    tab.locator(".st-key-tweet textarea").focus()
    tab.keyboard.type("Lost my bag, and the desk was rude about it.")
    tab.keyboard.press("Control+Enter")
    expect(tab.locator(".v-word")).to_be_visible()
    tab.get_by_role("button", name="Oui").focus()
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    tab.keyboard.press("Enter")
    expect(tab.locator(".v-message.v-good")).to_contain_text("Votre confirmation est enregistrée")
    assert [row["verdict"] for row in kept(api, "Lost my bag, and the desk was rude about it.")] == ["correct"]
    assert outline == "solid"


def test_the_language_switches_at_once_and_is_in_the_address(tab):
    ask(tab, BAD)
    tab.get_by_role("radio", name="English").click()
    expect(tab.locator("h1")).to_have_text("What does this tweet say?")
    expect(tab.locator(".v-word")).to_have_text("Negative")
    expect(tab).to_have_url(re.compile(r"\?lang=en$"))
    expect(tab.locator("html")).to_have_attribute("lang", "en")
    expect(tab.get_by_test_id("stSkipToContent")).to_have_text("Skip to the content")
    tab.reload()
    expect(tab.locator("h1")).to_have_text("What does this tweet say?")


def test_what_was_typed_but_not_sent_survives_a_change_of_language(tab):
    tab.locator(".st-key-tweet textarea").fill("half a thou")
    tab.get_by_role("radio", name="English").click()
    expect(tab.locator("h1")).to_have_text("What does this tweet say?")
    expect(tab.locator(".st-key-tweet textarea")).to_have_value("half a thou")


def test_the_count_follows_the_typing_and_counts_an_emoji_once(tab):
    tab.locator(".st-key-tweet textarea").press_sequentially("Vol 😀")
    expect(tab.locator(".v-count")).to_have_text("5 caractères")
    tab.locator(".st-key-tweet textarea").fill("x" * 10_001)
    expect(tab.locator(".v-count")).to_have_text("10\u202f001 caractères, 10\u202f000 au plus")


def test_the_api_gone_in_the_middle_loses_nothing(open_page, stack, picture):
    stack.give_model()
    stack.api.start()
    tab = open_page(stack.page.url)
    ask(tab, BAD)
    stack.api.stop()
    tab.get_by_role("button", name="Non").click()
    tab.get_by_role("button", name="Envoyer la correction").click()
    expect(tab.locator(".v-message").first).to_contain_text("Votre avis est gardé ici")
    picture(tab, "desktop-fr-waiting")
    tab.locator(".st-key-tweet textarea").fill(GOOD)
    tab.get_by_role("button", name="Analyser", exact=True).click()
    expect(tab.get_by_role("alert")).to_contain_text("Le service d’analyse ne répond pas")
    expect(tab.get_by_role("button", name="Réessayer maintenant")).to_be_visible()
    expect(tab.locator(".st-key-tweet textarea")).to_have_value(GOOD)
    picture(tab, "desktop-fr-away")
    stack.api.start()
    expect(tab.locator(".v-word")).to_have_text("Positif")
    expect(tab.locator(".v-judged")).to_have_text("corrigé\u00a0: positif")
    (row,) = kept(stack.api, BAD)
    assert row["verdict"] == "wrong"


def test_without_a_model_the_verdict_comes_by_itself_when_there_is_one(open_page, stack, picture):
    stack.api.start()
    tab = open_page(stack.page.url)
    tab.locator(".st-key-tweet textarea").fill(BAD)
    tab.locator(".st-key-tweet textarea").press("Control+Enter")
    expect(tab.locator(".v-message")).to_contain_text("Le modèle se prépare")
    picture(tab, "desktop-fr-preparing")
    stack.api.stop()
    stack.give_model()
    stack.api.start()
    expect(tab.locator(".v-word")).to_have_text("Négatif")


def test_what_people_write_is_shown_and_never_run(tab):
    ask(tab, HOSTILE)
    expect(tab.locator(".v-row-text")).to_have_text(HOSTILE)
    assert tab.evaluate("window.hacked") is None
    assert tab.locator(".v-post *, .v-row-text *").count() == 0
    tab.locator(".st-key-why button").click()
    expect(tab.locator(".v-legend")).to_be_visible()
    expect(tab.locator(".v-post")).to_have_text(HOSTILE)
    assert tab.evaluate("window.hacked") is None
    assert tab.locator(".v-post *:not(span.v-pull), .v-legend img, .v-legend script").count() == 0


def test_the_history_puts_a_text_back_from_anywhere_on_its_row(tab):
    ask(tab, BAD)
    ask(tab, GOOD)
    expect(tab.locator(".v-row-text").first).to_have_text(GOOD)
    tab.locator(".st-key-row_1").click(position={"x": 60, "y": 20})
    expect(tab.locator(".st-key-tweet textarea")).to_have_value(BAD)
    expect(tab.locator(".v-post")).to_have_text(BAD)


def test_the_verdict_is_copied(context, tab):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(tab, BAD)
    tab.get_by_role("button", name="Copier le verdict").click()
    expect(tab.get_by_text("Verdict copié")).to_be_visible()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert BAD in copied
    assert "Négatif" in copied


def test_a_refused_clipboard_still_shows_the_text_to_copy(context, open_page, site):
    context.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('refused'));document.execCommand = () => false;"
    )
    tab = open_page(site.url)
    ask(tab, BAD)
    tab.get_by_role("button", name="Copier le verdict").click()
    expect(tab.get_by_text("Le navigateur bloque la copie")).to_be_visible()
    area = tab.get_by_label("Verdict à copier")
    expect(area).to_be_visible()
    assert BAD in area.input_value()
    assert tab.evaluate("document.activeElement.selectionEnd - document.activeElement.selectionStart") > len(BAD)


def test_nothing_of_streamlits_own_is_seen_and_nothing_is_fetched_from_elsewhere(context, open_page, site):
    elsewhere: list[str] = []
    context.on("request", lambda request: elsewhere.append(request.url))
    tab = open_page(site.url)
    ask(tab, BAD)
    for chrome in ("stHeader", "stToolbar", "stStatusWidget", "stSidebar", "stAppDeployButton"):
        expect(tab.get_by_test_id(chrome)).to_be_hidden()
    expect(tab).to_have_title("Analyse · Vigie")
    assert "Streamlit" not in tab.locator("body").inner_text()
    assert not [url for url in elsewhere if not url.startswith((site.url, "data:", "blob:"))]


BROKEN = """
import sys
from pathlib import Path
from vigie_ui import server
from vigie_ui.settings import UiSettings
server.SCRIPT = Path(sys.argv[1])
server.serve(UiSettings(port=int(sys.argv[3])))
"""


def test_a_page_that_fails_says_so_in_words_and_logs_no_text(context, stack, tmp_path):
    script = tmp_path / "broken.py"
    script.write_text("raise ValueError('what a visitor wrote')")
    stack.page.stop()
    stack.page.command = ["python", "-c", BROKEN, str(script)]
    stack.page.start()
    tab = context.new_page()
    tab.goto(f"{stack.page.url}/?lang=en")
    expect(tab.get_by_role("alert")).to_contain_text("Something went wrong on this page.")
    assert "ValueError" not in tab.locator("body").inner_text()
    log = stack.page.log.read_text()
    assert "the page failed: ValueError at" in log
    assert "broken.py:1" in log
    assert "what a visitor wrote" not in log


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("size", list(SIZES))
def test_the_page_fits_its_screen_empty_and_full(open_page, picture, site, size, language):
    tab = open_page(f"{site.url}/?lang={language}")
    tab.set_viewport_size(SIZES[size])
    expect(tab.locator(".v-empty")).to_be_visible()
    picture(tab, f"{size}-{language}-empty")
    for example in ("third", "first", "second"):
        tab.locator(f".st-key-examples_{example} button").click()
        text = tab.locator(f".st-key-examples_{example} button").inner_text()
        expect(tab.locator(".v-post")).to_have_text(text)
    picture(tab, f"{size}-{language}-judged")
    tab.locator(".st-key-why button").click()
    expect(tab.locator(".v-legend")).to_be_visible()
    picture(tab, f"{size}-{language}-explained")
    tab.locator(".st-key-no button").click()
    expect(tab.locator(".st-key-send button")).to_be_visible()
    picture(tab, f"{size}-{language}-correcting")
    tab.locator(".st-key-send button").click()
    expect(tab.locator(".v-message.v-good")).to_be_visible()
    picture(tab, f"{size}-{language}-full")
    assert tab.evaluate("document.querySelector('.stMain').scrollWidth") <= SIZES[size]["width"]
    assert not outside(tab, SIZES[size]["width"])
    assert not tab.evaluate(TOO_SMALL)


def outside(tab: Page, width: int) -> list[str]:
    """Classes of what sticks out of the screen."""
    return tab.evaluate(
        "width => [...document.querySelectorAll('.stMain button, .stMain p, .stMain textarea, .stMain section')]"
        ".filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.className || e.tagName)",
        width,
    )


# WCAG 2.2, 2.5.8: a target is at least 24 px each way.
TOO_SMALL = (
    "[...document.querySelectorAll('.stMain button')].map(e => e.getBoundingClientRect())"
    ".filter(b => b.width && (b.width < 24 || b.height < 24)).length"
)
