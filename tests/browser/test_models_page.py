"""The page Models in Chromium, with the real API and a real MLflow behind it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as Late

from vigie_model import artifact_digest

expect.set_options(timeout=60_000)
pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.xdist_group("browser")]

BAD = "Deux heures sur le tarmac sans un mot, et ma valise est perdue. Lamentable."
HOSTILE = '<script>hacked=1</script><img src=x onerror="hacked=1"> **bold** awful'
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
READY = ".st-key-compare button"
LANGUAGES = {
    "fr": {"title": "Les modèles de Vigie", "refused": "Certains contrôles sont ratés", "same": "du même avis"},
    "en": {"title": "The models of Vigie", "refused": "Some checks are not passed", "same": "Both models agree"},
}
# Recipe, share of right verdicts, role, whether the gate passed it.
VERSIONS = (
    ("tfidf_logreg", 0.7722, "previous", True),
    ("bert", 0.8197, "champion", True),
    ("ensemble", 0.8369, "challenger", True),
    ("tfidf_rf", 0.7313, None, False),
)


def left_behind(passed: bool) -> dict[str, object]:
    """The files of a run that the API looks for."""
    rates = [step / 200 for step in range(201)]
    kept = {"passed": 11, "total": 12, "needed": 0.8, "kept": True, "decides": True, "failures": ["so-so"]}
    missed = kept | {"passed": 7, "kept": False}
    checks = [
        {"name": name, "passed": passed or name != "size", "detail": "the artifact has 71.2 MB, the budget is 60 MB"}
        for name in ("loads", "digest", "latency", "size", "behaviour_plain_en", "accuracy", "roc_auc")
    ]
    return {
        "confusion_matrix.json": [[1340, 269], [288, 1303]],
        "curves.json": {"roc": {"false_positive_rate": rates, "true_positive_rate": [rate**0.25 for rate in rates]}},
        "gate/gate.json": {
            "passed": passed,
            "checks": checks,
            "behaviour": {
                name: {"en": kept, "fr": kept if passed else missed}
                for name in ("plain", "airline", "name", "link", "typo", "negation", "intensifier")
            },
        },
    }


@pytest.fixture(scope="session")
def models_site(mlflow_server, site_of, artifact, tmp_path_factory):
    """The page, in front of an API whose registry holds four versions of the demo's model under four names."""
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server.url, mlflow_server.url)
    client.create_registered_model("sentiment")
    experiment = client.create_experiment("browser")
    for recipe, accuracy, role, passed in VERSIONS:
        run = client.create_run(experiment)
        run_id = run.info.run_id
        staged: Path = tmp_path_factory.mktemp("run")
        for name, document in left_behind(passed).items():
            (staged / name).parent.mkdir(exist_ok=True)
            (staged / name).write_text(json.dumps(document))
        client.log_artifacts(run_id, str(staged))
        client.log_artifacts(run_id, str(artifact), "model/artifacts/vigie")
        measured = {"accuracy": accuracy, "roc_auc": 0.91, "support_negative": 1609, "support_positive": 1591}
        for name, value in measured.items():
            client.log_metric(run_id, name, value)
        client.set_terminated(run_id)
        tags = {
            "vigie.recipe": recipe,
            "vigie.artifact_digest": artifact_digest(artifact),
            "vigie.gate": "passed: fine" if passed else "failed: the artifact has 71.2 MB, the budget is 60 MB",
        }
        made = client.create_model_version("sentiment", f"{run.info.artifact_uri}/model", run_id, tags=tags)
        if role:
            client.set_registered_model_alias("sentiment", role, made.version)
    return site_of(mlflow_server)


def compare(tab: Page, text: str) -> None:
    tab.locator(".st-key-compare_text textarea").fill(text)
    tab.locator(READY).click()
    expect(tab.locator(".st-key-compared_left .v-post")).to_have_text(text)
    expect(tab.locator(".st-key-compared_right .v-post")).to_have_text(text)


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("size", list(SIZES))
def test_two_models_are_compared_on_every_screen_in_both_languages(open_page, picture, models_site, size, language):
    words = LANGUAGES[language]
    tab = open_page(f"{models_site.url}/models?lang={language}", READY)
    tab.set_viewport_size(SIZES[size])
    expect(tab.locator("h1")).to_have_text(words["title"])
    expect(tab.locator(".v-rank").first).to_contain_text("ensemble")
    expect(tab.locator(".v-behaviour").first).to_be_visible()
    picture(tab, f"models-{size}-{language}-empty")
    compare(tab, BAD)
    expect(tab.locator(".v-agreement")).to_contain_text(words["same"])
    expect(tab.locator(".st-key-compared_right .v-facts")).to_contain_text("ensemble")
    assert tab.locator(".v-post .v-pull").count() > 2
    picture(tab, f"models-{size}-{language}-full")
    assert tab.evaluate("document.querySelector('.stMain').scrollWidth") <= SIZES[size]["width"]
    assert not tab.evaluate(
        "width => [...document.querySelectorAll('.stMain button, .stMain p, .stMain table, .stMain section')]"
        ".filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.className || e.tagName)",
        SIZES[size]["width"],
    )


def choose(tab, box, option):
    """Choose in a list, which the page closes when it is drawn anew meanwhile."""
    for patience in (10_000, 10_000, 30_000):
        tab.get_by_role("combobox", name=box).click()
        try:
            tab.get_by_role("option", name=option).click(timeout=patience)
        except Late:
            continue
        return
    raise AssertionError(f"{option} cannot be chosen in {box}")


def test_a_version_that_the_gate_refused_shows_why_and_may_not_judge(open_page, models_site):
    tab = open_page(f"{models_site.url}/models", READY)
    choose(tab, "Second modèle", "tfidf_rf")
    expect(tab.locator(".st-key-sheet_right")).to_contain_text(LANGUAGES["fr"]["refused"])
    tab.locator(".st-key-sheet_right summary").click()
    expect(tab.locator(".st-key-sheet_right details li").first).to_be_visible()
    tab.locator(".st-key-compare_text textarea").fill(BAD)
    tab.locator(READY).click()
    expect(tab.locator(".st-key-compared_right")).to_contain_text("Ce modèle ne peut pas juger de texte")
    expect(tab.locator(".st-key-compared_left .v-word")).to_be_visible()


def test_what_people_write_is_shown_and_never_run(open_page, models_site):
    tab = open_page(f"{models_site.url}/models", READY)
    compare(tab, HOSTILE)
    assert tab.evaluate("window.hacked") is None
    assert tab.locator(".v-post *:not(span.v-pull)").count() == 0


def test_a_text_typed_on_one_page_is_there_after_a_look_at_the_other(open_page, models_site):
    tab = open_page(f"{models_site.url}/?lang=en")
    tab.locator(".st-key-tweet textarea").fill("half a thought")
    tab.locator(".st-key-tweet textarea").blur()
    tab.get_by_role("link", name="Models").click()
    expect(tab.locator("h1")).to_have_text(LANGUAGES["en"]["title"])
    expect(tab).to_have_title("Models · Vigie")
    tab.get_by_role("link", name="Analyse").click()
    expect(tab.locator(".st-key-tweet textarea")).to_be_visible()


def test_without_a_registry_the_page_says_so_and_the_other_one_works(open_page, site):
    tab = open_page(f"{site.url}/models?lang=en", ".v-message")
    expect(tab.get_by_role("alert")).to_contain_text("The models cannot be shown")
    expect(tab.locator(".st-key-retry_models button")).to_be_visible()
