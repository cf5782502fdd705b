"""The page Models as its visitor uses it, run by Streamlit's test runner against a small real API."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from vigie_ui.server import SCRIPT


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


@pytest.fixture
def open_models(api, models_first, monkeypatch):
    """Opens the page Models; what the API knows is set up before."""
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)

    def opened(language: str = "fr") -> AppTest:
        page = AppTest.from_file(str(SCRIPT), default_timeout=30)
        page.query_params["lang"] = language
        return page.run()

    yield opened
    st.cache_resource.clear()


def test_the_three_roles_the_ranking_and_the_gate_are_shown(open_models, some_models):
    page = open_models()
    assert not page.exception
    shown = html(page)
    for expected in (
        "En service",
        "Candidat",
        "Précédent",
        "83,7\u00a0%",
        "entre 80,6 et 83,3\u00a0%",
        "Tous les contrôles",
    ):
        assert expected in shown
    assert shown.index("<strong>ensemble</strong> <span>") < shown.index("<strong>tfidf_rf</strong> <span>")


def test_the_page_speaks_english(open_models, some_models):
    shown = html(open_models("en"))
    assert "The models of Vigie" in shown
    assert "between 80.6 and 83.3%" in shown


def test_another_version_is_chosen_and_its_sheet_shown(open_models, some_models):
    page = open_models()
    page.selectbox(key="version_right").set_value("5").run()
    assert "Certains contrôles sont ratés" in html(page)
    page.selectbox(key="version_right").set_value("1").run()
    assert "Non disponible pour ce modèle" in html(page)


def test_two_models_judge_a_text_side_by_side(open_models, some_models):
    page = open_models()
    page.text_area(key="compare_text").input("Three hours late")
    page.button(key="compare").click().run()
    sent = some_models.sent("/v1/explain")
    assert [(body["text"], body["model_version"]) for body in sent] == [
        ("Three hours late", "3"),
        ("Three hours late", "4"),
    ]
    shown = html(page)
    assert shown.count('class="v-legend"') == 2
    assert "Les deux modèles sont du même avis" in shown


def test_choosing_another_model_asks_that_one_only(open_models, some_models):
    page = open_models()
    page.text_area(key="compare_text").input("Three hours late")
    page.button(key="compare").click().run()
    page.selectbox(key="version_left").set_value("2").run()
    assert [body["model_version"] for body in some_models.sent("/v1/explain")] == ["3", "4", "2"]


def test_a_model_that_may_not_judge_says_so_beside_the_other(open_models, some_models):
    page = open_models()
    some_models.problem(409, "version-refused")
    page.text_area(key="compare_text").input("Three hours late")
    page.button(key="compare").click().run()
    assert "Ce modèle ne peut pas juger de texte" in html(page)


def test_a_blank_text_is_explained(open_models, some_models):
    page = open_models()
    page.button(key="compare").click().run()
    assert "Il n’y a rien à analyser" in html(page)


def test_a_key_without_the_right_is_told_kindly(open_models, api):
    api.problem(403, "forbidden")
    shown = html(open_models())
    assert "n’a pas le droit de voir les modèles" in shown
    assert "la page Analyse fonctionne" in shown


def test_with_the_registry_away_a_button_tries_again(open_models, some_models):
    some_models.problem(503, "registry-away")
    page = open_models()
    assert "Les modèles ne peuvent pas être affichés" in html(page)
    some_models.refusal = None
    page.button(key="retry_models").click().run()
    assert "En service" in html(page)


def test_without_any_model_the_page_says_so(open_models):
    assert "Aucun modèle pour l’instant" in html(open_models())


def test_many_models_are_folded(open_models, some_models):
    some_models.models = [{**some_models.models[0], "version": str(number)} for number in range(1, 31)]
    assert [fold.label for fold in open_models().expander] == ["Voir les 18 autres"]


def test_what_has_not_come_yet_comes_by_itself(open_models, some_models):
    for model in some_models.models:
        model["evidence_complete"] = False
    page = open_models()
    for model in some_models.models:
        model["evidence_complete"] = True
    page.run()
    assert len([1 for path, _, _ in some_models.requests if path == "/v1/models"]) == 2


def test_the_reasons_are_shown_and_hidden_on_the_page_analyse(page, api):
    page.text_area(key="tweet").input("Lost again !")
    page.button(key="analyse").click().run()
    assert 'class="v-legend"' not in html(page)
    page.button(key="why").click().run()
    assert api.sent("/v1/explain") == [{"text": "Lost again !", "model_version": "3"}]
    assert 'v-to-positive v-by-3" title' in html(page)
    page.button(key="hide_why").click().run()
    assert 'class="v-legend"' not in html(page)


def test_reasons_that_cannot_be_had_leave_the_verdict(page, api):
    page.text_area(key="tweet").input("Lost again")
    page.button(key="analyse").click().run()
    api.problem(500)
    page.button(key="why").click().run()
    assert "L’explication n’est pas disponible" in html(page)
    assert 'class="v-verdict ' in html(page)
    api.refusal = None
    page.button(key="why").click().run()
    assert 'class="v-legend"' in html(page)
