"""What the page Models says of live traffic, and letting another version serve."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

SHADOW = {
    "version": "4",
    "recipe": "ensemble",
    "since": "2026-11-02T10:00:00Z",
    "sample": 0.1,
    "scored": 1843,
    "agreement": 0.934,
    "mean_shift": -0.021,
    "latency_ms": {"champion": {"p50": 2.1, "p95": 4.0}, "challenger": {"p50": 3.4, "p95": 6.1}},
    "dropped": 3,
    "error": None,
}
MOVE = {
    "at": "2026-11-02T10:00:00Z",
    "action": "promote",
    "version": "3",
    "recipe": "bert",
    "previous": "2",
    "by": "ui",
    "reason": "Meilleur en français <script>",
}


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def day(number: int, state: str, value: float):
    measures = [{"name": "language", "statistic": "jensen_shannon", "value": value, "state": state}]
    return {"day": f"2026-11-{number:02d}", "predictions": 2000, "state": state, "measures": measures}


def test_the_candidate_on_trial_is_told_in_words(open_page, some_models):
    some_models.shadow = SHADOW
    shown = html(open_page("models"))
    for expected in (
        "1\u202f843",
        "93\u00a0%",
        "−2,1\u00a0pt",
        "plus négativement",
        "3,4\u00a0ms",
        "contre 2,1\u00a0ms",
        "3 tweets prévus",
    ):
        assert expected in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"error": "MemoryError"}, "La version 4 ne peut pas être essayée"),
        ({"scored": 0, "agreement": None, "mean_shift": None}, "L’essai commence"),
        ({"scored": 12}, "à prendre avec prudence"),
        ({"mean_shift": 0.001, "since": None}, "ni plus ni moins positif"),
        ({"mean_shift": 0.08}, "plus positivement"),
    ],
)
def test_a_trial_that_says_little_says_so(open_page, some_models, change, said):
    some_models.shadow = SHADOW | change
    assert said in html(open_page("models"))


def test_the_days_are_told_in_words_and_the_last_one_that_counts_in_full(open_page, some_models):
    few = {"day": "2026-11-22", "predictions": 4, "state": "few", "measures": []}
    days = [day(20, "ok", 0.05), day(21, "alert", 0.31), few]
    some_models.drift = {"reference": True, "thresholds": {"warning": 0.1, "alert": 0.25}, "days": days}
    shown = html(open_page("models"))
    assert "20 novembre\u00a0: comme d’habitude, 2\u202f000 tweets" in shown
    assert "22 novembre\u00a0: trop peu de tweets" in shown
    assert "Le 21 novembre, sur 2\u202f000 tweets" in shown
    assert "Les tweets ont changé" in shown


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        ({"reference": False, "days": []}, "ne porte pas de quoi comparer"),
        ({"reference": True, "days": []}, "Pas encore de jour"),
        ({"reference": True, "days": [day(1, "few", 0.0)]}, "Trop peu de tweets pour en juger"),
    ],
)
def test_without_days_the_page_says_why(open_page, some_models, drift, said):
    some_models.drift = {"thresholds": {"warning": 0.1, "alert": 0.25}, **drift}
    assert said in html(open_page("models"))


def test_the_trail_says_who_and_why(open_page, some_models):
    some_models.moves = [MOVE, MOVE | {"action": "rollback", "previous": None}]
    shown = html(open_page("models"))
    assert "Mise en service de la version 3" in shown
    assert "Retour à la version 3" in shown
    assert "Par ui, le 2" in shown
    assert "Meilleur en français &lt;script&gt;" in shown


@pytest.mark.parametrize("route", ["/v1/model/", "/v1/models/moves", "/v1/drift"])
def test_a_part_that_cannot_be_had_leaves_the_others(open_page, some_models, route):
    some_models.shadow, some_models.moves = SHADOW, [MOVE]
    some_models.refusing = route
    some_models.problem(503, "database-away")
    page = open_page("models")
    assert not page.exception
    assert "En service" in html(page)


def asked_for_promotion(page: AppTest, reason: str) -> AppTest:
    page.button(key="promote").click().run()
    page.text_area(key="move_reason").input(reason)
    return page.button(key="confirm").click().run()


def test_the_candidate_is_put_into_service_with_a_reason(open_page, some_models):
    page = asked_for_promotion(open_page("models"), "  Meilleur en français ")
    assert some_models.sent("/v1/models/4/promote") == [{"reason": "Meilleur en français"}]
    assert "La version 4 est en service" in html(page)


def test_one_goes_back_to_the_previous_model(open_page, some_models):
    page = open_page("models")
    page.button(key="rollback").click().run()
    page.text_area(key="move_reason").input("Trop lent")
    page.button(key="confirm").click().run()
    assert some_models.sent("/v1/models/rollback") == [{"reason": "Trop lent"}]
    assert "La version 2 est en service" in html(page)


def test_without_a_reason_nothing_moves(open_page, some_models):
    page = asked_for_promotion(open_page("models"), "   ")
    assert not some_models.sent("/v1/models/4/promote")
    assert "Donnez d’abord une raison" in html(page)


def test_a_second_thought_moves_nothing(open_page, some_models):
    page = open_page("models")
    page.button(key="promote").click().run()
    page.button(key="cancel_move").click().run()
    assert "promote" in {button.key for button in page.button}
    assert not [path for path, _, _ in some_models.requests if path.endswith("promote")]


@pytest.mark.parametrize(
    ("status", "slug", "said"),
    [
        (403, "forbidden", "le droit « admin »"),
        (409, "version-refused", "Cette version ne peut pas être mise en service"),
        (409, "no-champion", "Il n’y a pas de modèle auquel revenir"),
        (503, "registry-away", "Le changement n’est pas confirmé"),
    ],
)
def test_a_move_that_is_refused_says_why_and_who_can(open_page, some_models, status, slug, said):
    page = open_page("models")
    some_models.refusing = "/v1/models/4"
    some_models.problem(status, slug)
    asked_for_promotion(page, "Meilleur")
    assert said in html(page).replace("«\u00a0", "« ").replace("\u00a0»", " »")


def test_a_candidate_that_the_gate_refused_cannot_be_put_into_service(open_page, some_models):
    some_models.models[1]["gate"] = "failed: too big"
    page = open_page("models")
    assert "promote" not in {button.key for button in page.button}


def test_live_figures_are_not_asked_for_at_every_click(open_page, some_models):
    some_models.shadow = SHADOW
    page = open_page("models")
    page.run()
    asked = [path for path, _ in some_models.queries]
    assert [asked.count(path) for path in ("/v1/model", "/v1/models/moves", "/v1/drift")] == [1, 1, 1]
    page.button(key="refresh_models").click().run()
    assert [path for path, _ in some_models.queries].count("/v1/model") == 2
    st.cache_resource.clear()
