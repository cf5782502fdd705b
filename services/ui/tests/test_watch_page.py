"""The page Watch as its visitor uses it, run by Streamlit's test runner against a small real API."""

from html import unescape

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def named(number: int) -> str:
    return f"019ab3c1-5f6e-7b32-9d0a-{number:012d}"


FIRST = named(1)
EPISODE, CRITICAL, OVER = named(901), named(902), named(903)


def keys(page: AppTest) -> set[str]:
    return {button.key for button in page.button if button.key}


def changes(api, episode: str) -> list[dict]:
    return [body for body in api.sent(f"/v1/episodes/{episode}") if body]


def asked(api, path: str) -> list[dict[str, str]]:
    return [query for where, query in api.queries if where == path]


def test_it_is_the_first_page_of_the_menu(open_page, some_watch):
    links = [link.proto.label for link in open_page("veille").get("page_link")]
    assert links[0] == "Veille"


def test_with_nothing_to_watch_it_says_how_posts_come_in(open_page, api):
    shown = html(open_page("veille"))
    for expected in ("la mer est vide", "docs/mentions.md", "docs/connectors.md"):
        assert expected in shown
    # Each line as it is to be typed, with the address of this API.
    for line in (
        f'uv run vigie-api ingest posts.csv --topic "Air Paradis" --api-url {api.url}',
        f"uv run python scripts/demo_week.py --api-url {api.url}",
        "docker compose exec -T api vigie-api ingest -",
    ):
        assert f"<code>{line}" in unescape(shown)


def test_posts_that_are_not_counted_yet_are_no_empty_sea(open_page, some_watch):
    some_watch.topics = []
    assert "Les premières publications arrivent" in html(open_page("veille"))


def test_everything_is_there_at_a_glance(open_page, some_watch):
    shown = html(open_page("veille"))
    for expected in (
        "grave",
        "en apprentissage",
        "contre 3,4 d’habitude",
        "TWEET 001",
        "critique",
        "fausse alerte",
        "TWEET 2",
    ):
        assert expected in shown


def test_the_worst_open_episode_is_on_top_and_the_others_a_click_away(open_page, some_watch):
    page = open_page("veille")
    assert "un mauvais buzz critique" in html(page)
    assert "un mauvais buzz grave" not in html(page)
    page.button(key=f"look_at_{EPISODE}").click().run()
    assert "un mauvais buzz grave" in html(page)
    assert page.query_params["episode"] == EPISODE
    page.button(key="leave_episode").click().run()
    assert "episode" not in page.query_params


def test_without_an_open_episode_the_page_says_that_all_is_well(open_page, some_watch):
    some_watch.episodes = some_watch.episodes[2:]
    assert "Aucun mauvais buzz en cours" in html(open_page("veille"))
    some_watch.topics = some_watch.mentions = []
    st.cache_resource.clear()
    assert "Aucun mauvais buzz en cours" not in html(open_page("veille"))


def test_a_link_opens_its_episode_and_its_topic(open_page, some_watch):
    page = open_page("veille", episode=OVER)
    assert "Terminé" in html(page)
    assert page.query_params["topic"] == "TWEET"
    page.selectbox(key="veille_topic").set_value("").run()
    assert "topic" not in page.query_params


@pytest.mark.parametrize("unknown", [named(999), "../../etc", "<script>"])
def test_a_link_to_no_episode_says_so_and_the_page_stands(open_page, some_watch, unknown):
    shown = html(open_page("veille", episode=unknown))
    assert "Cet épisode n’existe pas" in shown
    assert "TWEET 001" in shown


def test_filters_are_in_the_address_and_in_what_is_asked(open_page, some_watch):
    page = open_page("veille", topic="TWEET", period="7d", source="x", sentiment="negative")
    page.query_params["language"] = "fr"
    page.run()
    query = asked(some_watch, "/v1/mentions")[-1]
    assert query | {"since": ""} == {
        "limit": "20",
        "topic": "TWEET",
        "source": "x",
        "language": "fr",
        "sentiment": "negative",
        "since": "",
    }
    assert asked(some_watch, "/v1/trends")[-1]["step"] == "1h"
    page.segmented_control(key="veille_period").set_value("30d").run()
    page.selectbox(key="veille_source").set_value("").run()
    assert page.query_params["period"] == "30d"
    assert "source" not in page.query_params
    assert asked(some_watch, "/v1/trends")[-1]["step"] == "1d"


def test_a_card_chooses_its_topic_and_gives_it_up(open_page, some_watch):
    page = open_page("veille")
    page.button(key="look_1").click().run()
    assert page.query_params["topic"] == "TWEET 2"
    page.button(key="look_1").click().run()
    assert "topic" not in page.query_params


def test_what_was_chosen_is_there_on_coming_back(open_page, some_watch):
    page = open_page("veille")
    page.segmented_control(key="veille_period").set_value("7d").run()
    del page.query_params["period"]
    page.run()
    assert page.query_params["period"] == "7d"


def test_the_sentiment_chooses_the_posts(open_page, some_watch):
    page = open_page("veille")
    page.segmented_control(key="feed_sentiment").set_value("positive").run()
    assert page.query_params["sentiment"] == "positive"
    assert "TWEET 002" in html(page)
    assert "TWEET 005" not in html(page)


def test_a_word_shows_its_posts_until_it_is_dropped(open_page, some_watch):
    some_watch.mentions[4]["text"] = "encore la GRÈVE"
    some_watch.trends["terms"] = [{"term": "grève", "count": 1, "lift": 2.0}]
    page = open_page("veille")
    page.button(key="term_0").click().run()
    assert page.query_params["term"] == "grève"
    judged = [key for key in keys(page) if key.startswith("wrong_")]
    assert judged == [f"wrong_{named(5)}"]
    page.button(key="drop_term").click().run()
    assert f"wrong_{FIRST}" in keys(page)


def test_a_post_is_corrected_in_place_and_the_correction_taken_back(open_page, some_watch):
    page = open_page("veille")
    page.button(key=f"wrong_{FIRST}").click().run()
    (sent,) = some_watch.sent("/v1/feedback")
    assert (sent["prediction_id"], sent["verdict"], sent["correction"]) == (FIRST, "wrong", "positive")
    assert "corrigé\u00a0: positif" in html(page)
    page.button(key=f"unsay_{FIRST}").click().run()
    assert some_watch.sent("/v1/feedback")[-1]["verdict"] == "correct"
    assert f"wrong_{FIRST}" in keys(page)


def test_posts_that_are_deleted_or_not_read_cannot_be_judged(open_page, some_watch):
    shown = keys(open_page("veille"))
    assert f"wrong_{FIRST}" in shown
    assert not shown & {f"wrong_{named(3)}", f"wrong_{named(4)}"}


def test_a_correction_is_kept_while_the_api_cannot_take_it(open_page, some_watch):
    page = open_page("veille")
    some_watch.refusing = "/v1/feedback"
    some_watch.problem(503, "database-away")
    page.button(key=f"wrong_{FIRST}").click().run()
    assert "avis en attente" in html(page)
    assert "1 avis attend d’être envoyé" in html(page)


def test_earlier_posts_come_when_asked(open_page, some_watch):
    page = open_page("veille")
    assert "TWEET 0021" not in html(page)
    page.button(key="more_posts").click().run()
    assert "TWEET 0021" in html(page)
    assert "more_posts" not in keys(page)


def test_earlier_posts_that_do_not_come_leave_the_others(open_page, some_watch):
    page = open_page("veille")
    some_watch.refusing = "/v1/mentions"
    some_watch.problem(503, "database-away")
    page.button(key="more_posts").click().run()
    assert "ne sont pas arrivées" in html(page)
    assert "TWEET 001" in html(page)


def test_an_episode_is_taken_in_hand_assigned_and_noted(open_page, some_watch):
    page = open_page("veille")
    page.button(key="acknowledge_episode").click().run()
    assert changes(some_watch, CRITICAL)[-1] == {"acknowledged": True}
    assert "Prise en charge par TWEET" in html(page)
    page.button(key="care_episode").click().run()
    page.text_input(key=f"assignee_{CRITICAL}").input(" Léa ")
    page.text_area(key=f"episode_note_{CRITICAL}").input("communiqué à midi")
    page.button(key="save_care").click().run()
    assert changes(some_watch, CRITICAL)[-1] == {"assignee": "Léa", "note": "communiqué à midi"}
    assert "confié à Léa" in html(page)
    page.button(key="care_episode").click().run()
    assert page.text_input(key=f"assignee_{CRITICAL}").value == "Léa"
    page.text_input(key=f"assignee_{CRITICAL}").input("")
    page.button(key="save_care").click().run()
    assert changes(some_watch, CRITICAL)[-1] == {"assignee": None}


def test_what_the_reader_did_not_change_is_left_to_his_colleagues(open_page, some_watch):
    page = open_page("veille")
    page.button(key="care_episode").click().run()
    some_watch.episodes[1]["assignee"] = "Léa"
    page.text_area(key=f"episode_note_{CRITICAL}").input("communiqué à midi")
    page.button(key="save_care").click().run()
    page.button(key="care_episode").click().run()
    page.button(key="save_care").click().run()
    assert changes(some_watch, CRITICAL) == [{"note": "communiqué à midi"}]
    assert "confié à Léa" in html(page)


def test_fields_that_were_left_on_another_page_erase_nothing(open_page, some_watch):
    some_watch.episodes[1].update(assignee="Léa", note="communiqué à midi")
    page = open_page("veille")
    # The form was open when the visitor left; Streamlit forgets the fields of a page that is left.
    page.session_state["episode_doing"] = ("care", CRITICAL)
    page.run()
    assert page.text_input(key=f"assignee_{CRITICAL}").value == "Léa"
    page.button(key="save_care").click().run()
    assert changes(some_watch, CRITICAL) == []


def test_a_note_that_cannot_be_saved_is_kept(open_page, some_watch):
    page = open_page("veille")
    page.button(key="care_episode").click().run()
    some_watch.refusing = f"/v1/episodes/{CRITICAL}"
    some_watch.problem(503, "database-away")
    page.text_area(key=f"episode_note_{CRITICAL}").input("communiqué à midi")
    page.button(key="save_care").click().run()
    assert "Ce n’est pas enregistré" in html(page)
    assert page.text_area(key=f"episode_note_{CRITICAL}").value == "communiqué à midi"


def test_the_episode_that_is_written_about_stays_on_top_when_a_worse_one_begins(open_page, some_watch):
    some_watch.episodes[1]["state"] = "closed"
    page = open_page("veille")
    page.button(key="care_episode").click().run()
    some_watch.episodes[1]["state"] = "open"
    page.run()
    assert "un mauvais buzz grave" in html(page)
    assert page.text_input(key=f"assignee_{EPISODE}") is not None


def test_a_false_alarm_is_explained_confirmed_and_taken_back(open_page, some_watch):
    page = open_page("veille")
    page.button(key="false_alarm").click().run()
    assert "un signal un peu plus fort" in html(page)
    page.button(key="cancel_false_alarm").click().run()
    assert changes(some_watch, CRITICAL) == []
    page.button(key="false_alarm").click().run()
    page.button(key="confirm_false_alarm").click().run()
    assert some_watch.episodes[1]["false_alarm"] is True
    assert "Marqué comme fausse alerte" in html(page)
    page.button(key="undo_false_alarm").click().run()
    assert some_watch.episodes[1]["false_alarm"] is False


def test_with_the_api_away_old_data_stays_and_a_banner_says_so(open_page, some_watch):
    page = open_page("veille")
    some_watch.problem(503, "database-away")
    st.cache_resource.clear()
    page.run()
    shown = html(page)
    assert "Le service ne répond pas. Voici ce qu’il disait" in shown
    assert "TWEET 001" in shown
    assert "un mauvais buzz critique" in shown


def test_with_the_api_away_from_the_start_a_button_tries_again(open_page, some_watch):
    some_watch.problem(503, "database-away")
    page = open_page("veille")
    assert "Le service ne répond pas" in html(page)
    some_watch.refusal = None
    page.button(key="retry_veille").click().run()
    assert "TWEET 001" in html(page)


@pytest.mark.parametrize("path", ["/v1/trends", "/v1/mentions", "/v1/episodes"])
@pytest.mark.parametrize("status", [422, 500])
def test_a_part_that_fails_leaves_the_others(open_page, some_watch, path, status):
    some_watch.refusing = path
    some_watch.problem(status)
    page = open_page("veille", episode=EPISODE)
    assert not page.exception
    assert "Vos sujets" in html(page)


def test_without_the_right_to_look_the_page_says_whom_to_ask(open_page, some_watch):
    some_watch.problem(403)
    assert "le droit « review »".replace(" »", "\u00a0»").replace("« ", "«\u00a0") in html(open_page("veille"))


def test_with_one_topic_there_is_nothing_to_choose(open_page, some_watch):
    some_watch.topics = some_watch.topics[:1]
    page = open_page("veille")
    assert not [box for box in page.selectbox if box.key == "veille_topic"]
    assert {query.get("topic") for query in asked(some_watch, "/v1/trends")} == {"TWEET"}


def test_without_a_band_the_page_says_why(open_page, some_watch):
    for bucket in some_watch.trends["buckets"]:
        bucket.update(expected=None, low=None, high=None)
    assert "Choisissez un seul sujet" in html(open_page("veille"))
    assert "retirez le filtre" in html(open_page("veille", source="x"))
    assert "pas encore assez d’historique" in html(open_page("veille", topic="TWEET"))


def test_a_surge_alert_leads_to_its_episode(open_page, some_watch):
    surge = {"topic": "TWEET", "episode_id": EPISODE, "severity": "serious", "negatives": 124, "expected": 18.2}
    some_watch.alerts = [
        {
            "id": named(1),
            "kind": "surge",
            "state": "open",
            "opened_at": "2026-11-02T10:00:00Z",
            "updated_at": "2026-11-02T10:00:00Z",
            "model_version": None,
            "count": 124,
            "evidence": {**surge, "onset_at": "2026-11-02T08:00:00Z", "terms": []},
            "emails": [],
        }
    ]
    page = open_page("alertes")
    assert "TWEET\u00a0: un mauvais buzz grave" in html(page)
    assert "124 négatives, 18 d’habitude" in html(page)
    (link,) = [link.proto for link in page.get("page_link") if "épisode" in link.proto.label]
    assert link.page == "veille"
    assert f"episode={EPISODE}" in link.query_string
