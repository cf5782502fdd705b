"""Where posts come from, as a marketer reads it: a quiet line, and a loud one for what fails."""

from datetime import UTC, datetime

import pytest

from vigie_ui.connector_answers import Connector, Connectors
from vigie_ui.i18n import LANGUAGES, load_catalogue
from vigie_ui.source_markup import sources

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
FRENCH = load_catalogue("fr")


def clock(at: datetime) -> str:
    return f"à {at:%H:%M}"


def connector(**more) -> Connector:
    fields = {"name": "bluesky", "source": "bluesky", "state": "running", "taken": 12, "last_taken_at": NOW}
    return Connector(**(fields | more))


def shown(*connectors, say=FRENCH) -> str:
    return sources(Connectors(connectors=connectors), clock, say)


def test_each_source_says_when_it_last_brought_a_post():
    told = shown(connector(), connector(name="x-fr", source="x", last_taken_at=None))
    assert "Bluesky (dernière reçue à 10:00) · X (x-fr) (rien reçu pour l’instant)" in told
    assert "v-message" not in told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", ["running", "waiting", "off", "failing", "tomorrow"])
def test_only_a_failing_source_is_loud(language, state):
    told = shown(connector(state=state), say=load_catalogue(language))
    assert ("v-message" in told) is (state == "failing")


def test_a_failing_source_says_since_when_and_what_the_engineers_need():
    told = shown(connector(state="failing", error=f"401 {HOSTILE}"))
    for expected in ("La source Bluesky est en panne", "dernière reçue à 10:00", "401 &lt;script&gt;"):
        assert expected in told
    assert "<script" not in told


def test_without_any_one_sentence_says_how():
    told = shown()
    assert "docs/connectors.md" in told
    assert told.count("<p") == 1


def test_the_page_has_the_line(open_page, some_watch, monkeypatch):
    answer = some_watch.answer
    found = {"name": "x", "source": "x", "topics": ["TWEET"], "state": "failing", "taken": 1, "error": "TWEET"}

    def with_a_source(path, body):
        if path == "/v1/connectors":
            return 200, {"connectors": [{**found, "last_taken_at": "2026-11-02T10:00:00Z"}]}
        return answer(path, body)

    monkeypatch.setattr(some_watch, "answer", with_a_source)
    page = open_page("veille")
    html = "\n".join(element.proto.body for element in page.get("html"))
    assert "La source X est en panne" in html
    assert "TWEET 001" in html


@pytest.mark.parametrize("status", [403, 404, 500])
def test_without_an_answer_about_sources_the_page_stands(open_page, some_watch, status):
    some_watch.refusing = "/v1/connectors"
    some_watch.problem(status)
    page = open_page("veille")
    html = "\n".join(element.proto.body for element in page.get("html"))
    assert "Le service ne répond pas" not in html
    assert '<p class="v-sources"' not in html
    assert "TWEET 001" in html
