"""The page, run by Streamlit's own test runner against a small real server in the place of the API."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from vigie_ui import shell, views
from vigie_ui.server import SCRIPT

from .documents import alert, episode, evidence, item, mention, topic, trends, version
from .small_api import SmallApi, serving

PATIENCE_S = 120  # a run takes a second; a busy machine takes longer


@pytest.fixture(scope="session", autouse=True)
def _one_scan() -> Iterator[None]:
    """Every `AppTest` looks for components in the metadata of all installed packages, a second each. They are looked up
    once: the packages do not change.
    """
    found = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda max_workers=None: list(found))
        yield


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serving() as small:
        yield small


@pytest.fixture
def some_models(api: SmallApi) -> SmallApi:
    """An API with a champion, a candidate, a previous one, one that the gate refused, and one that it never saw."""
    api.models = [
        version("5", "tfidf_rf", 0.73, gate="failed: TWEET", **evidence(passed=7)),
        version("4", "ensemble", 0.8369, "challenger", **evidence()),
        version("3", "bert", 0.8197, "champion", **evidence()),
        version("2", "tfidf_logreg", 0.7722, "previous"),
        version("1", "use_mlp", None, gate=""),
    ]
    for model in api.models[:3]:
        model["metrics"]["roc_auc"] = 0.91
    return api


@pytest.fixture
def some_live(some_models: SmallApi) -> SmallApi:
    """The same API with something to check, alerts, a trial, drift and moves."""
    challenger = {"version": "4", "sentiment": "positive", "score": 0.72}
    reasons = ["uncertain", "disagreement", "disputed"]
    some_models.items = [item(1, challenger=challenger, copies=12, reasons=reasons), item(2, reasons=[])]
    example = {"prediction_id": "p1", "text": "TWEET", "sentiment": "positive", "correction": "negative"}
    term = {"term": "TWEET", "language": "fr", "wrong": 3, "judged": 4, "lift": 1.0, "examples": [example]}
    by_language = [{"language": code, "judged": 9, "wrong": 3} for code in ("fr", "en", "und")]
    some_models.patterns = {"judged": 27, "wrong": 9, "by_language": by_language, "terms": [term]}
    measures = [{"name": "vocabulary", "value": 0.31, "threshold": 0.25}, {"name": "score", "value": 0.31}]
    failed = {"step": "opened", "state": "failed", "attempts": 9, "sent_at": None, "message_id": "<1@x>"}
    some_models.alerts = [
        alert(1),
        alert(2, kind="drift", evidence={"day": "2026-11-21", "measures": measures}, emails=[failed]),
        alert(3, kind="surge", emails=[]),
    ]
    latency = {"p50": 2.1, "p95": 4.0}
    some_models.shadow = {
        "version": "4",
        "recipe": "ensemble",
        "since": "2026-11-02T10:00:00Z",
        "sample": 0.1,
        "scored": 1843,
        "agreement": 0.934,
        "mean_shift": -0.021,
        "latency_ms": {"champion": latency, "challenger": latency},
        "dropped": 3,
        "error": None,
    }
    states = ("ok", "warning", "alert", "few")
    some_models.drift["reference"] = True
    some_models.drift["days"] = [
        {
            "day": f"2026-11-2{number}",
            "predictions": 2000,
            "state": state,
            "measures": [{"name": "length", "statistic": "psi", "value": 0.2, "state": state}],
        }
        for number, state in enumerate(states)
    ]
    move = {"at": "2026-11-02T10:00:00Z", "version": "3", "recipe": "bert", "previous": "2", "by": "TWEET"}
    some_models.moves = [{**move, "action": action, "reason": "TWEET"} for action in ("promote", "rollback")]
    return some_models


@pytest.fixture
def some_watch(api: SmallApi) -> SmallApi:
    """An API that watches two topics, one of them in trouble, with posts and episodes, open and over."""
    running = episode(1)
    api.topics = [topic(episode_id=running["id"]), topic("TWEET 2", "learning")]
    api.episodes = [running, episode(2, severity="critical"), episode(3, "closed", false_alarm=True)]
    unread = {"sentiment": None, "confidence": None, "uncertain": None, "counted": None}
    odd = [mention(1), mention(2, counted=False, uncertain=True), mention(3, text=None), mention(4, **unread)]
    api.mentions = [*odd, *(mention(number) for number in range(5, 31))]
    marks = [{name: running[name] for name in ("id", "topic", "onset_at", "opened_at", "closed_at", "severity")}]
    api.trends = trends(10, episodes=marks, terms=[{"term": "TWEET", "count": 12, "lift": 2.0}])
    return api


@pytest.fixture
def first_page(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the address without a path open the page of this path."""

    def choose(path: str) -> None:
        pages = [replace(page, default=page.path == path) for page in views.all_pages()]
        monkeypatch.setattr(shell, "all_pages", lambda: pages)

    return choose


@pytest.fixture
def models_first(first_page: Callable[[str], None]) -> None:
    """The page Models is the one that the address without a path opens."""
    first_page("models")


@pytest.fixture
def open_page(
    api: SmallApi, first_page: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AppTest]]:
    """Opens one page; what the API knows is set up before."""
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)

    def opened(path: str, language: str = "fr", **asked: str) -> AppTest:
        first_page(path)
        page = AppTest.from_file(str(SCRIPT), default_timeout=PATIENCE_S)
        for name, value in {"lang": language, **asked}.items():
            page.query_params[name] = value
        return page.run()

    yield opened
    st.cache_resource.clear()


@pytest.fixture
def page(api: SmallApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    yield AppTest.from_file(str(SCRIPT), default_timeout=PATIENCE_S).run()
    st.cache_resource.clear()
