"""The pages Review and Alerts in Chromium, with the real API behind them: by keyboard, by touch, from a link."""

import csv
import io
import re
import time

import httpx
import pytest
from playwright.sync_api import Page, expect

expect.set_options(timeout=30_000)
pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.xdist_group("browser")]

TWEETS = (
    "Deux heures sur le tarmac sans un mot, et ma valise est perdue. Lamentable.",
    "Merci à l’équipage, vol parfait et à l’heure.",
    "Boarding took five minutes and the whole crew was smiling, thank you!",
    "Lost my bag, and the desk was rude about it.",
    '<script>hacked=1</script><img src=x onerror="hacked=1"> **bold** [x](javascript:alert(1)) awful',
)
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
WORDS = {
    "fr": {"review": "Que pensez-vous de ces verdicts", "done": "Tout est vérifié", "calm": "n’attend de réponse"},
    "en": {"review": "What do you think of these verdicts", "done": "All reviewed", "calm": "No alert is waiting"},
}
CARD = ".v-tocheck .v-post"
# Streamlit's own code for a button, which a browser loads when the first one is drawn.
BUTTONS_CODE = re.compile(r"/Button\.[^/]+\.js$")
# Presses "n" in the very moment in which a text comes up that was not there before.
HASTY_READER = """
    const read = [];
    const look = () => {
        const text = document.querySelector(".v-tocheck .v-post")?.innerText;
        if (!text || read.includes(text) || document.body.dataset.keys !== "on") return;
        read.push(text);
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true, cancelable: true }));
    };
    const changes = { subtree: true, childList: true, characterData: true, attributes: true };
    addEventListener("DOMContentLoaded", () => new MutationObserver(look).observe(document.documentElement, changes));
    Object.defineProperty(window, "read", { value: read });
"""


@pytest.fixture
def loop(stack):
    """The page and its API with a model, and every tweet of this file judged once."""
    stack.give_model()
    stack.api.health = "/readyz"
    stack.api.start()
    with httpx.Client(base_url=stack.api.url, trust_env=False, timeout=60) as http:
        # Predictions are answered while the database is still being prepared.
        while http.get("/v1/feedback").status_code == 503:
            time.sleep(0.1)
        for tweet in TWEETS:
            http.post("/v1/predict", json={"text": tweet}).raise_for_status()
        while http.get("/v1/review").raise_for_status().json()["waiting"] < len(TWEETS):
            time.sleep(0.1)
    return stack


def asked(loop, path: str, **query: str):
    with httpx.Client(base_url=loop.api.url, trust_env=False, timeout=60) as http:
        return http.get(path, params=query).raise_for_status().json()


def kept(loop) -> dict[str, str]:
    """The sentiment that counts for each tweet that was judged."""
    rows = asked(loop, "/v1/feedback")["feedback"]
    return {row["text"]: row["correction"] or row["sentiment"] for row in rows}


def wait_for(loop, expected: dict[str, str]) -> None:
    """Until the API holds this: the page sends after it has shown the next card."""
    for _ in range(300):
        if kept(loop) == expected:
            return
        time.sleep(0.1)
    assert kept(loop) == expected


def ready(tab: Page) -> Page:
    expect(tab.locator(CARD)).to_be_visible()
    expect(tab.locator("body")).to_have_attribute("data-keys", "on")
    return tab


def press(tab: Page, key: str) -> str:
    """Press a key; returns the tweet that was on show, once it is no longer."""
    before = tab.locator(CARD).inner_text()
    tab.keyboard.press(key)
    expect(tab.locator(CARD).get_by_text(before, exact=True)).to_have_count(0)
    return before


def test_verdicts_are_given_by_keyboard_and_the_last_one_is_taken_back(open_page, loop):
    tab = ready(open_page(f"{loop.page.url}/review", CARD))
    said = {press(tab, "p"): "positive", press(tab, "n"): "negative"}
    wait_for(loop, said)
    assert tab.evaluate("window.hacked") is None
    third = press(tab, "s")
    tab.keyboard.press("u")
    expect(tab.locator(CARD)).to_have_text(third)
    expect(tab.locator(".v-band")).to_contain_text("Réponse annulée")
    press(tab, "ArrowLeft")
    expect(tab.locator(".v-band")).to_contain_text("Vous avez répondu")
    press(tab, "j")
    press(tab, "k")
    press(tab, "ArrowRight")
    says = tab.locator(".v-says .v-word").inner_text()
    model = "positive" if says == "Positif" else "negative"
    other = "negative" if model == "positive" else "positive"
    press(tab, other[0])
    wait_for(loop, said | {third: other})
    tab.keyboard.press("u")
    expect(tab.locator(CARD)).to_have_text(third)
    wait_for(loop, said | {third: model})
    press(tab, "Enter")
    wait_for(loop, said | {third: model})
    expect(tab.locator(".v-progress")).to_contain_text("3 vérifiés aujourd’hui")


def test_a_key_held_down_judges_one_tweet_and_one_with_control_none(open_page, loop):
    tab = ready(open_page(f"{loop.page.url}/review", CARD))
    first = tab.locator(CARD).inner_text()
    tab.keyboard.press("Control+p")
    tab.keyboard.down("n")
    for _ in range(5):
        tab.keyboard.down("n")
    tab.keyboard.up("n")
    expect(tab.locator(CARD)).not_to_have_text(first)
    expect(tab.locator(".v-progress")).to_contain_text("1 vérifié")
    wait_for(loop, {first: "negative"})


def test_a_key_that_is_pressed_before_its_button_is_there_counts_once_it_is(context, loop):
    held = []
    context.route(BUTTONS_CODE, lambda request: held.append(request))
    context.add_init_script(HASTY_READER)
    tab = context.new_page()
    tab.goto(f"{loop.page.url}/review")
    tab.wait_for_function("read.length === 1")
    assert held
    assert kept(loop) == {}
    # What is held goes on with it.
    context.unroute(BUTTONS_CODE)
    expect(tab.locator(".v-alldone")).to_be_visible()
    wait_for(loop, dict.fromkeys(TWEETS, "negative"))


def test_the_file_of_the_answers_holds_what_was_said(open_page, loop):
    tab = ready(open_page(f"{loop.page.url}/review", CARD))
    said = {press(tab, "p"): "positive", press(tab, "n"): "negative"}
    wait_for(loop, said)
    tab.get_by_role("button", name="Exporter les réponses").click()
    save = tab.get_by_role("button", name="Enregistrer le fichier")
    expect(save).to_be_visible()
    with tab.expect_download() as saved:
        save.click()
    assert saved.value.suggested_filename.startswith("vigie-verdicts-")
    file = saved.value.path().read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    assert {row["text"]: row["correction"] or row["sentiment"] for row in rows} == said


def test_with_the_api_gone_verdicts_wait_and_go_by_themselves(open_page, loop):
    tab = ready(open_page(f"{loop.page.url}/review", CARD))
    loop.api.stop()
    said = {press(tab, "p"): "positive"}
    expect(tab.locator(".v-message.v-warn").first).to_contain_text("attend d’être envoyé")
    said[press(tab, "n")] = "negative"
    loop.api.start()
    wait_for(loop, said)
    expect(tab.locator(".v-message.v-warn")).to_have_count(0)


def wrong_three_times(loop) -> None:
    with httpx.Client(base_url=loop.api.url, trust_env=False, timeout=60) as http:
        for tweet in TWEETS[2:]:
            prediction = http.post("/v1/predict", json={"text": tweet}).json()
            other = "negative" if prediction["sentiment"] == "positive" else "positive"
            body = {"prediction_id": prediction["id"], "verdict": "wrong", "correction": other}
            http.post("/v1/feedback", json=body).raise_for_status()


def test_three_corrections_are_an_alert_on_every_page_that_a_link_opens_and_a_note_closes(open_page, loop, picture):
    wrong_three_times(loop)
    (alert,) = asked(loop, "/v1/alerts")["alerts"]
    tab = open_page(f"{loop.page.url}/?lang=fr")
    expect(tab.locator(".st-key-ways .stMarkdownBadge")).to_have_text("1")
    tab = open_page(f"{loop.page.url}/alertes?alert={alert['id']}", ".v-alert")
    for tweet in TWEETS[2:]:
        expect(tab.locator(".v-alert-text").get_by_text(tweet, exact=True)).to_be_visible()
    assert tab.evaluate("window.hacked") is None
    assert tab.locator(".v-alert-text *").count() == 0
    tab.get_by_role("button", name="Toutes les alertes").click()
    expect(tab.locator(".st-key-alerts_filters")).to_be_visible()
    picture(tab, "alerts-desktop-fr-open")
    tab.get_by_role("button", name="Prendre en charge").click()
    # The letters of a note are no keys of another page.
    tab.get_by_label("Note (facultative)").press_sequentially("pas de panique")
    tab.get_by_role("button", name="Je m’en occupe").click()
    expect(tab.locator(".v-message.v-good").first).to_contain_text("C’est noté")
    expect(tab.locator(".st-key-ways .stMarkdownBadge")).to_have_count(0)
    assert asked(loop, "/v1/alerts", state="acknowledged")["alerts"][0]["note"] == "pas de panique"


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("size", list(SIZES))
def test_both_pages_fit_every_screen_in_both_languages(open_page, picture, loop, size, language):
    words = WORDS[language]
    tab = open_page(f"{loop.page.url}/review?lang={language}", CARD)
    tab.set_viewport_size(SIZES[size])
    expect(tab.locator("h1")).to_contain_text(words["review"])
    ready(tab)
    # What is said of a tweet is at the thumb, without a scroll.
    assert tab.locator(".st-key-panel").bounding_box()["y"] < SIZES[size]["height"]
    fits(tab, size)
    picture(tab, f"review-{size}-{language}-full")
    for _ in TWEETS[:-1]:
        press(tab, "c")
    tab.keyboard.press("c")
    expect(tab.locator(".v-alldone")).to_contain_text(words["done"])
    picture(tab, f"review-{size}-{language}-done")
    wrong_three_times(loop)
    tab = open_page(f"{loop.page.url}/alertes?lang={language}", ".v-alert")
    tab.set_viewport_size(SIZES[size])
    expect(tab.locator(".v-evidence li").first).to_be_visible()
    fits(tab, size)
    picture(tab, f"alerts-{size}-{language}-full")


def fits(tab: Page, size: str) -> None:
    assert tab.evaluate("document.querySelector('.stMain').scrollWidth") <= SIZES[size]["width"]
    assert not tab.evaluate(
        "width => [...document.querySelectorAll('.stMain button, .stMain p, .stMain section')]"
        ".filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.className || e.tagName)",
        SIZES[size]["width"],
    )


def test_with_the_api_away_the_pages_say_so_and_stand(open_page, stack):
    for path in ("review", "alertes"):
        tab = open_page(f"{stack.page.url}/{path}", ".v-message")
        expect(tab.get_by_role("alert")).to_contain_text("Le service ne répond pas")
        expect(tab.get_by_role("link", name="Alertes")).to_be_visible()
