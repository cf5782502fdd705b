"""The page Alerts as its visitor uses it, run by Streamlit's test runner against a small real API."""

import pytest
from streamlit.testing.v1 import AppTest

from .documents import alert as listed
from .documents import wrong_verdict

HOSTILE = "<script>alert(1)</script> **bold**"


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def links(page: AppTest) -> list[str]:
    """The ways to the page Alerts."""
    return [element.proto.label for element in page.get("page_link") if "Alertes" in element.proto.label]


def named(number: int) -> str:
    return f"019ab3c1-5f6e-7b32-9d0a-{number:012d}"


def alert(number: int, **more):
    evidence = {"window_s": 300.0, "verdicts": [wrong_verdict(f"tweet of alert {number}")]}
    return listed(number, **{"evidence": evidence, **more})


@pytest.fixture
def two(api):
    measures = [{"name": "vocabulary", "value": 0.31, "threshold": 0.25}]
    drift = {"kind": "drift", "evidence": {"day": "2026-11-21", "measures": measures}, "emails": []}
    api.alerts = [alert(1), alert(2, **drift)]
    return api


def test_an_alert_says_what_on_which_tweets_and_who_was_told(open_page, two):
    shown = html(open_page("alertes"))
    for expected in (
        "3 verdicts corrigés en peu de temps",
        "tweet of alert 1",
        "négatif → positif",
        "version 3",
        "e-mail envoyé le 2",
        "Les tweets du 21 novembre",
        "écart 0,31, seuil 0,25",
    ):
        assert expected in shown


def test_an_alert_is_taken_in_hand_with_a_note(open_page, two):
    page = open_page("alertes")
    page.button(key=f"take_{named(1)}").click().run()
    page.text_input(key=f"note_{named(1)}").input("  de l’ironie ")
    page.button(key="acknowledge").click().run()
    assert two.sent(f"/v1/alerts/{named(1)}/ack") == [{"note": "de l’ironie"}]
    assert "C’est noté" in html(page)
    assert "tweet of alert 1" not in html(page)
    page.segmented_control(key="alerts_state").set_value("all").run()
    assert "de l’ironie" in html(page)


def test_the_head_counts_what_the_page_lists_at_once(open_page, two):
    page = open_page("alertes")
    assert links(page) == ["Alertes :red-badge[2]"]
    page.button(key=f"take_{named(1)}").click().run()
    page.button(key="acknowledge").click().run()
    assert links(page) == ["Alertes :red-badge[1]"]
    assert "C’est noté" in html(page)


@pytest.mark.parametrize(
    ("who", "expected"), [("lea", "Prise en charge par lea le"), ("embedded", "Prise en charge le")]
)
def test_who_has_it_in_hand_is_named_where_the_service_has_keys(open_page, api, who, expected):
    taken = {"state": "acknowledged", "acknowledged_at": "2026-11-02T10:05:00Z", "acknowledged_by": who}
    api.alerts = [alert(1, **taken)]
    page = open_page("alertes")
    page.segmented_control(key="alerts_state").set_value("all").run()
    assert expected in html(page)


def test_a_note_is_optional_and_can_be_given_up(open_page, two):
    page = open_page("alertes")
    page.button(key=f"take_{named(1)}").click().run()
    page.button(key="cancel_note").click().run()
    page.button(key=f"take_{named(1)}").click().run()
    page.button(key="acknowledge").click().run()
    assert two.sent(f"/v1/alerts/{named(1)}/ack") == [{}]


def test_a_note_that_cannot_be_sent_is_kept(open_page, two):
    page = open_page("alertes")
    page.button(key=f"take_{named(1)}").click().run()
    two.refusing = f"/v1/alerts/{named(1)}/ack"
    two.problem(503, "database-away")
    page.text_input(key=f"note_{named(1)}").input("de l’ironie")
    page.button(key="acknowledge").click().run()
    assert "n’est pas enregistrée" in html(page)
    assert page.text_input(key=f"note_{named(1)}").value == "de l’ironie"


def test_the_link_of_an_email_opens_its_alert_and_leads_to_the_others(open_page, two):
    page = open_page("alertes", alert=named(1))
    assert "tweet of alert 1" in html(page)
    assert 'class="v-evidence" open' in html(page)
    assert "21 novembre" not in html(page)
    page.button(key="all_alerts").click().run()
    assert "21 novembre" in html(page)


@pytest.mark.parametrize("unknown", [named(9), "../../etc", "<script>"])
def test_a_link_to_no_alert_says_so(open_page, two, unknown):
    assert "Cette alerte n’existe pas" in html(open_page("alertes", alert=unknown))


def test_filters_choose_what_is_listed(open_page, two):
    page = open_page("alertes")
    page.selectbox(key="alerts_kind").set_value("drift").run()
    assert "21 novembre" in html(page)
    assert "tweet of alert 1" not in html(page)
    page.selectbox(key="alerts_kind").set_value("surge").run()
    assert "Aucune alerte avec ces filtres" in html(page)
    assert "n’attend de réponse" not in html(page)


def test_without_any_alert_all_is_well(open_page, api):
    assert "Aucune alerte n’attend de réponse" in html(open_page("alertes"))


def test_earlier_alerts_come_when_asked(open_page, api):
    api.alerts = [alert(number) for number in range(1, 13)]
    page = open_page("alertes")
    assert "tweet of alert 11" not in html(page)
    page.button(key="more_alerts").click().run()
    assert "tweet of alert 11" in html(page)


def test_with_the_api_away_a_button_tries_again(open_page, two):
    two.problem(503, "database-away")
    page = open_page("alertes")
    assert "Le service ne répond pas" in html(page)
    two.refusal = None
    page.button(key="retry_alerts").click().run()
    assert "tweet of alert 1" in html(page)


def test_what_people_write_is_never_markup(open_page, api):
    wrong = alert(1)["evidence"]["verdicts"][0] | {"text": HOSTILE}
    taken = {
        "state": "acknowledged",
        "acknowledged_at": "2026-11-02T10:05:00Z",
        "acknowledged_by": HOSTILE,
        "note": HOSTILE,
    }
    api.alerts = [alert(1, evidence={"verdicts": [wrong]}, **taken)]
    page = open_page("alertes", alert=named(1))
    assert "<script>" not in html(page)
    assert html(page).count("&lt;script&gt;") == 3
    assert not page.markdown


def test_evidence_that_this_page_does_not_know_leaves_the_alert(open_page, api):
    api.alerts = [alert(1, kind="tomorrow", evidence={"verdicts": "many"})]
    assert "Autre alerte" in html(open_page("alertes"))


@pytest.mark.parametrize("path", ["analyse", "review", "alertes", "models"])
def test_every_page_shows_how_many_alerts_are_open(open_page, two, path):
    page = open_page(path)
    page.run()
    assert "Alertes :red-badge[2]" in [link.proto.label for link in page.get("page_link")]


@pytest.mark.parametrize("path", ["analyse", "review", "alertes", "models"])
def test_no_page_breaks_when_the_number_cannot_be_had(open_page, two, path):
    two.problem(500)
    page = open_page(path)
    assert not page.exception
    assert "Alertes" in [link.proto.label for link in page.get("page_link")]
