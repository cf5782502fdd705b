"""The page Watch in Chromium, with the real API behind it and a surge of made-up posts in it."""

import re
import time
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

# The page looks again every ten seconds, and a busy machine takes its time.
expect.set_options(timeout=60_000)
pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.xdist_group("browser")]

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
WORDS = {
    "fr": {"title": "Ce qui se dit en ce moment", "bad": "un mauvais buzz", "report": "Rapport à imprimer"},
    "en": {"title": "What people are saying right now", "bad": "bad buzz", "report": "Report to print"},
}
CHART = ".st-key-course .vega-embed svg"
EPISODE = ".st-key-episode_card"
POST = ".st-key-feed .v-mention-text"


@pytest.fixture
def opened(open_page, watched):
    """Opens the page and waits until all of it is there."""

    def open_watch(query: str = "lang=fr") -> Page:
        tab = open_page(f"{watched.page.url}/veille?{query}", CHART)
        expect(tab.locator(".st-key-past")).to_be_visible()
        return tab

    return open_watch


def having(part: str) -> re.Pattern[str]:
    """An address with this in it."""
    return re.compile(re.escape(part))


def asked(watched, path: str, **query: str):
    with httpx.Client(base_url=watched.api.url, trust_env=False, timeout=60) as http:
        return http.get(path, params=query).raise_for_status().json()


def say(watched, text: str, topic: str = "Air Paradis") -> None:
    """Somebody posts, now."""
    said = {"source": "demo", "external_id": uuid4().hex, "topic": topic, "text": text}
    mentions = [{**said, "created_at": datetime.now(UTC).isoformat()}]
    httpx.post(
        f"{watched.api.url}/v1/mentions", json={"mentions": mentions}, trust_env=False, timeout=60
    ).raise_for_status()


def the_episode(watched):
    (episode,) = asked(watched, "/v1/episodes", state="open")["episodes"]
    return episode


def wait_until(watched, **expected) -> None:
    """Until the API's open episode is like this."""
    for _ in range(300):
        episode = the_episode(watched)
        if all(episode[name] == value for name, value in expected.items()):
            return
        time.sleep(0.2)
    assert {name: episode[name] for name in expected} == expected


def test_a_surge_is_seen_at_a_glance_and_nothing_is_asked_of_another_machine(opened, watched, context):
    hosts: set[str] = set()
    context.on("request", lambda request: hosts.add(request.url.split("/")[2] if "//" in request.url else "data"))
    tab = opened()
    episode = the_episode(watched)
    words = {"watch": "à surveiller", "serious": "grave", "critical": "critique"}[episode["severity"]]
    expect(tab.locator(f"{EPISODE} .v-condition")).to_have_text(words)
    expect(tab.locator(f"{EPISODE} h2")).to_contain_text("Air Paradis")
    card = tab.locator(".v-topic").first
    expect(card).to_contain_text("Air Paradis")
    expect(card.locator(".v-condition")).to_have_text(words)
    expect(tab.locator(".v-topic").nth(1)).to_contain_text("Bagages")
    charts = tab.locator(".st-key-course [role=graphics-document]")
    expect(charts.first).to_have_attribute("aria-label", "Les négatives au fil du temps")
    assert tab.locator("h1").count() == 1
    assert hosts <= {watched.page.url.removeprefix("http://"), "data"}


def test_a_new_post_comes_in_by_itself_while_a_note_is_written_and_nothing_else_moves(opened, watched):
    tab = opened()
    tab.get_by_role("button", name="Confier ou noter").click()
    note = tab.get_by_label("Note (facultative)")
    note.press_sequentially("communiqué à ")
    tab.evaluate("document.querySelectorAll('.v-topic').forEach(e => e.dataset.same = 'yes')")
    text = f"Porte d’embarquement changée trois fois, personne ne sait rien {uuid4().hex[:8]}"
    say(watched, text)
    expect(tab.locator(POST).get_by_text(text)).to_be_visible()
    # What is typed stays, and so do the focus, and the cards that say the same as before.
    expect(note).to_be_focused()
    note.press_sequentially("midi")
    expect(note).to_have_value("communiqué à midi")
    assert tab.locator(".v-topic[data-same]").count() >= 1
    tab.get_by_label("Confié à").fill("Léa")
    tab.get_by_role("button", name="Enregistrer").click()
    expect(tab.locator(f"{EPISODE} .v-inhand")).to_contain_text("communiqué à midi")
    wait_until(watched, assignee="Léa", note="communiqué à midi")


def test_a_post_is_corrected_where_it_stands_and_stays_under_the_hand(opened, watched):
    tab = opened()
    post = tab.locator(".st-key-feed [class*='st-key-mention_']").first
    text = post.locator(".v-mention-text").inner_text()
    post.get_by_role("button", name="Faux").click()
    judged = tab.locator(".st-key-feed [class*='st-key-mention_']", has=tab.locator(".v-judged"))
    expect(judged.locator(".v-mention-text")).to_have_text(text)
    expect(judged.locator(".v-judged")).to_contain_text("corrigé")
    for _ in range(300):
        kept = {row["text"]: row["verdict"] for row in asked(watched, "/v1/feedback")["feedback"]}
        if kept.get(text) == "wrong":
            break
        time.sleep(0.2)
    assert kept[text] == "wrong"
    news = f"Encore une file interminable {uuid4().hex[:8]}"
    say(watched, news)
    tab.get_by_role("button", name="nouvelle publication").click()
    expect(tab.locator(POST).get_by_text(news)).to_be_visible()


def test_an_episode_is_acknowledged_and_its_alert_with_it(opened, watched):
    tab = opened()
    tab.get_by_role("button", name="Je m’en occupe").click()
    expect(tab.locator(f"{EPISODE} .v-inhand")).to_contain_text("Prise en charge")
    expect(tab.get_by_role("button", name="Je m’en occupe")).to_have_count(0)
    assert the_episode(watched)["acknowledged_at"] is not None
    alerts = asked(watched, "/v1/alerts", kind="surge")["alerts"]
    assert {alert["state"] for alert in alerts if alert["id"] == the_episode(watched)["alert_id"]} == {"acknowledged"}


def test_a_false_alarm_is_marked_and_taken_back(opened, watched):
    tab = opened()
    tab.get_by_role("button", name="Fausse alerte").click()
    expect(tab.locator(EPISODE)).to_contain_text("un signal un peu plus fort")
    tab.get_by_role("button", name="Oui, une fausse alerte").click()
    expect(tab.locator(EPISODE)).to_contain_text("Marqué comme fausse alerte")
    wait_until(watched, false_alarm=True)
    tab.get_by_role("button", name="Ce n’en était pas une").click()
    expect(tab.get_by_role("button", name="Fausse alerte")).to_be_visible()
    wait_until(watched, false_alarm=False)


@pytest.mark.parametrize("language", list(WORDS))
def test_the_report_is_saved_in_the_language_of_the_page(opened, watched, language):
    tab = opened(f"lang={language}")
    with tab.expect_download(timeout=120_000) as saved:
        tab.get_by_role("button", name=WORDS[language]["report"]).click()
    assert saved.value.suggested_filename.endswith(".html")
    report = saved.value.path().read_text(encoding="utf-8")
    assert f'lang="{language}"' in report
    assert "Air Paradis" in report
    assert "<script" not in report


def test_filters_are_kept_in_the_address_and_on_the_way_back(opened, watched):
    tab = opened()
    tab.locator(".st-key-veille_period").get_by_text("7 jours").click()
    expect(tab).to_have_url(having("period=7d"))
    tab.locator(".st-key-feed").get_by_text("Négatives", exact=True).click()
    expect(tab).to_have_url(having("sentiment=negative"))
    tab.locator(".st-key-topic_1 button").click()
    expect(tab).to_have_url(having("topic=Bagages"))
    tab.reload()
    expect(tab.locator(".v-topic.v-chosen")).to_contain_text("Bagages")
    expect(tab.locator(CHART).first).to_be_visible()
    expect(tab.locator(".st-key-feed .v-mention.v-positive")).to_have_count(0)
    tab.get_by_role("link", name="Analyse").click()
    expect(tab.locator(".st-key-analyse button")).to_be_visible()
    tab.get_by_role("link", name="Veille").click()
    expect(tab).to_have_url(having("topic=Bagages"))


def test_a_surge_alert_leads_to_its_episode(open_page, watched):
    tab = open_page(f"{watched.page.url}/alertes?lang=fr&alert={the_episode(watched)['alert_id']}", ".v-alert")
    tab.get_by_role("link", name="Voir l’épisode").click()
    expect(tab.locator(f"{EPISODE} h2")).to_contain_text("Air Paradis")
    expect(tab).to_have_url(having(f"episode={the_episode(watched)['id']}"))


def test_a_rising_word_shows_its_posts(opened, watched):
    tab = opened()
    word = tab.locator(".st-key-term_row button").first
    name = word.inner_text().split(" ·")[0]
    word.click()
    expect(tab.locator(".st-key-drop_term button")).to_contain_text(name)
    any_form = re.compile(re.escape(name[:4]), re.IGNORECASE)  # "annulé" is also in "annuler"
    expect(tab.locator(POST).filter(has_not_text=any_form)).to_have_count(0)
    expect(tab.locator(POST).first).to_be_visible()
    tab.locator(".st-key-drop_term button").click()
    expect(tab.locator(".st-key-drop_term")).to_have_count(0)


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("size", list(SIZES))
def test_the_page_fits_every_screen_in_both_languages(opened, picture, size, language):
    tab = opened(f"lang={language}")
    tab.set_viewport_size(SIZES[size])
    expect(tab.locator("h1")).to_contain_text(WORDS[language]["title"])
    expect(tab.locator(f"{EPISODE} h2")).to_contain_text(WORDS[language]["bad"])
    assert tab.evaluate("document.querySelector('.stMain').scrollWidth") <= SIZES[size]["width"]
    assert not tab.evaluate(
        "width => [...document.querySelectorAll('.stMain button, .stMain p, .stMain section, .stMain svg')]"
        ".filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.className || e.tagName)",
        SIZES[size]["width"],
    )
    picture(tab, f"watch-{size}-{language}-surge")


def test_with_the_api_away_what_was_known_stays_until_it_is_back(opened, watched):
    tab = opened()
    watched.api.stop()
    expect(tab.locator(".st-key-veille_state")).to_contain_text("Le service ne répond pas")
    expect(tab.locator(".v-topic").first).to_contain_text("Air Paradis")
    expect(tab.locator(CHART).first).to_be_visible()
    wrong = tab.get_by_role("button", name="Faux").first
    wrong.click()
    expect(tab.locator(".v-judged").get_by_text("avis en attente")).to_be_visible()
    watched.api.start()
    expect(tab.locator(".st-key-veille_state")).to_contain_text("En direct")
    expect(tab.locator(".v-judged").get_by_text("avis en attente")).to_have_count(0)


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("size", list(SIZES))
def test_an_empty_page_says_how_posts_come_in(open_page, site, picture, size, language):
    tab = open_page(f"{site.url}/veille?lang={language}", ".v-nothing")
    tab.set_viewport_size(SIZES[size])
    expect(tab.locator(".v-nothing")).to_contain_text("vigie-api ingest")
    assert tab.evaluate("document.querySelector('.stMain').scrollWidth") <= SIZES[size]["width"]
    picture(tab, f"watch-{size}-{language}-empty")
