"""What an operator meets: settings with clear errors, the list of connectors, and the trial."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError
from sqlalchemy import update
from typer.testing import CliRunner

from vigie_api import cli
from vigie_api.access.keys import new_key
from vigie_api.connectors import ledger
from vigie_api.connectors.fleet import Fleet
from vigie_api.connectors.table import connector_cursors
from vigie_api.settings import Settings

BLUESKY = {"name": "bluesky", "kind": "bluesky", "words": {"Air Paradis": "airparadis"}}
TOKEN = "AAAA-secret"
X = {"name": "x", "kind": "x", "queries": {"Air Paradis": "airparadis"}}


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([{"name": "a"}], "kind must be one of bluesky, x"),
        ([{"name": "a", "kind": "myspace"}], "kind must be one of bluesky, x"),
        (["bluesky"], "valid dictionary"),
        ([BLUESKY | {"name": "A b"}], "connector 'A b': name: String should match"),
        ([BLUESKY | {"words": {}}], "words: Dictionary should have at least 1"),
        ([BLUESKY | {"words": {"Air Paradis": "-casino"}}], "words.Air Paradis: needs a word"),
        ([BLUESKY | {"words": {" ": "a"}}], "without space at its ends"),
        ([BLUESKY | {"words": {"x" * 65: "a"}}], "at most 64 characters"),
        ([BLUESKY | {"hosts": ["http://example.org"]}], "must be an address such as wss://"),
        ([BLUESKY | {"hosts": ["ws://example.org"]}], "ws:// is for this machine only"),
        ([BLUESKY | {"hosts": []}], "hosts: Tuple should have at least 1"),
        ([BLUESKY | {"querys": {}}], "querys: Extra inputs are not permitted"),
        ([BLUESKY, BLUESKY], "the same name"),
        ([X], "'x' needs VIGIE_API_X_BEARER_TOKEN to be set"),
        ([X | {"base_url": "http://api.x.com"}], "http:// is for this machine only"),
        ([X | {"base_url": "https://user:pw@api.x.com"}], "must not hold a user"),
        ([X | {"queries": {"Air Paradis": "a\nb"}}], "queries.Air Paradis"),
        ([BLUESKY | {"name": f"b{number}"} for number in range(21)], "at most 20"),
    ],
    ids=str,
)
def test_connectors_that_make_no_sense_are_refused_with_a_sentence(entries, sentence):
    with pytest.raises(ValidationError) as refused:
        Settings(connectors=entries)
    assert sentence in str(refused.value)
    assert "pw" not in json.dumps(refused.value.errors(include_input=False, include_url=False), default=str)


@pytest.mark.parametrize("token", ["", "  ", "two words", "clé"])
def test_a_key_that_cannot_be_one_is_no_key(token):
    with pytest.raises(ValidationError, match="VIGIE_API_X_BEARER_TOKEN"):
        Settings(connectors=[X], x_bearer_token=token)


def test_a_connector_that_is_switched_off_needs_no_key_and_the_key_is_never_shown():
    assert Settings(connectors=[X | {"enabled": False}]).connectors[0].enabled is False
    assert "hush" not in repr(Settings(connectors=[X], x_bearer_token="hush"))


def test_connectors_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("VIGIE_API_CONNECTORS", json.dumps([BLUESKY]))
    (connector,) = Settings().connectors
    assert connector.topics == ("Air Paradis",)
    assert Settings(**Settings().model_dump()).connectors == (connector,)


@pytest.fixture
def configured(settings, x_server):
    entries = [
        X | {"base_url": x_server.url},
        BLUESKY | {"enabled": False},
        X | {"name": "x-2", "base_url": x_server.url, "queries": {"A": "a", "B": "b"}},
    ]
    return Settings(**settings.model_dump() | {"connectors": entries, "x_bearer_token": TOKEN})


@pytest.mark.anyio
async def test_the_list_says_how_each_connector_is(running, configured, x_server):
    x_server.bad_queries = {"b"}
    x_server.post(1, ago_s=60)
    async with running(configured) as api:
        while True:
            x, bluesky, two = (await api.client.get("/v1/connectors")).json()["connectors"]
            if (x["state"], two["state"]) == ("running", "failing"):
                break
        assert (x["name"], x["source"], x["topics"], x["taken"], x["error"]) == ("x", "x", ["Air Paradis"], 1, None)
        assert x["last_taken_at"] is not None
        assert (bluesky["state"], bluesky["taken"], bluesky["error"]) == ("off", 0, None)
        assert two["error"].startswith("B: X does not accept the query (400)")
        metrics = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families((await api.client.get("/metrics")).text)
            for sample in family.samples
        }
        assert metrics["vigie_connector_posts_total", ("name", "x"), ("outcome", "accepted")] == 1
        assert metrics["vigie_connector_leads", ("name", "x")] == 1
        assert ("vigie_connector_leads", ("name", "bluesky")) not in metrics  # switched off: nothing is measured


@pytest.mark.anyio
async def test_a_connector_that_no_process_runs_is_waiting(api, settings):
    database = api.services.database
    fleet = Fleet(Settings(**settings.model_dump() | {"connectors": [BLUESKY]}), database, None, CollectorRegistry())
    assert (await fleet.report()).connectors[0].state == "waiting"
    assert await database.write(ledger.claim, "bluesky", "a process")
    assert await database.write(ledger.save, "bluesky", "a process", {}, 3, None)
    later = update(connector_cursors).values(lease_until=datetime.now(UTC) + timedelta(hours=1))
    await database.write(lambda connection: connection.execute(later))
    assert (await fleet.report()).connectors[0].state == "running"
    assert await database.write(ledger.release, "bluesky", "a process")
    (listed,) = (await fleet.report()).connectors
    assert (listed.state, listed.taken) == ("waiting", 3)


@pytest.mark.anyio
async def test_the_list_needs_the_scope_review(running, settings):
    secret, entry = new_key("ui", ["predict"])
    locked = Settings(**settings.model_dump() | {"keys": [json.loads(entry)]})
    async with running(locked) as api:
        assert (await api.client.get("/v1/connectors")).status_code == 401
        headers = {"Authorization": f"Bearer {secret}"}
        assert (await api.client.get("/v1/connectors", headers=headers)).status_code == 403


@pytest.mark.anyio
async def test_without_connectors_the_list_is_empty(api):
    assert (await api.client.get("/v1/connectors")).json() == {"connectors": []}


def run(monkeypatch, entries, *arguments, token=TOKEN):
    monkeypatch.setenv("VIGIE_API_CONNECTORS", json.dumps(entries) if isinstance(entries, list) else entries)
    monkeypatch.setenv("VIGIE_API_X_BEARER_TOKEN", token)
    return CliRunner().invoke(cli.app, ["connectors", "test", *arguments])


def test_a_trial_counts_posts_by_topic_and_shows_no_text(monkeypatch, x_server):
    x_server.post(1, ago_s=60)
    x_server.post(2, ago_s=60)
    tried = run(monkeypatch, [X | {"base_url": x_server.url}], "x")
    assert tried.exit_code == 0
    assert tried.stdout == "Read, and nothing was stored. Posts by topic: Air Paradis: 2.\n"
    document = json.loads(run(monkeypatch, [X | {"base_url": x_server.url}], "x", "--json").stdout)
    assert (document["works"], document["posts"], document["malformed"]) == (True, {"Air Paradis": 2}, 0)


def test_a_trial_of_a_large_topic_ends_before_it_costs_much(monkeypatch, x_server):
    x_server.page = 1
    for number in range(30):
        x_server.post(number, ago_s=60)
    tried = run(monkeypatch, [X | {"base_url": x_server.url}], "x", "--json")
    assert json.loads(tried.stdout)["posts"] == {"Air Paradis": 20}
    assert len(x_server.asked) == 20


def test_a_trial_that_fails_says_why_and_exits_1(monkeypatch, x_server, free_port):
    refused = run(monkeypatch, [X | {"base_url": x_server.url}], "x", token="wrong")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "vigie-api: X does not know the key (401): check VIGIE_API_X_BEARER_TOKEN.\n"
    away = run(monkeypatch, [BLUESKY | {"hosts": [f"ws://127.0.0.1:{free_port}"]}], "bluesky", "--json")
    assert away.exit_code == 1
    assert "does not answer" in json.loads(away.stdout)["message"]


@pytest.mark.anyio
async def test_a_trial_of_a_stream_ends_after_its_time(settings, bluesky_options, jetstream):
    from vigie_api.connectors.trial import try_out

    told = await try_out(bluesky_options(), settings, 0.3)
    assert (told.works, told.sentence) == (False, "Nothing was heard within 0.3 seconds.")
    jetstream.post(1, "Rien")
    told = await try_out(bluesky_options(), settings, 2.0)
    assert (told.works, told.posts) == (True, {"Air Paradis": 0})


@pytest.mark.parametrize(
    ("entries", "name", "sentence"),
    [
        ([], "x", "no connector is set"),
        ([BLUESKY], "x", "there is no connector 'x', but bluesky"),
        ("[", "x", "VIGIE_API_CONNECTORS is not JSON"),
        ([{"name": "x", "kind": "y"}], "x", "VIGIE_API_CONNECTORS: kind must be one of"),
    ],
)
def test_a_trial_of_what_is_not_set_up_is_one_sentence_and_exit_2(monkeypatch, entries, name, sentence):
    refused = run(monkeypatch, entries, name)
    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_connector_that_is_off_can_be_tried_when_its_key_is_there(monkeypatch):
    monkeypatch.setenv("VIGIE_API_CONNECTORS", json.dumps([X | {"enabled": False}]))
    refused = CliRunner().invoke(cli.app, ["connectors", "test", "x"])
    assert refused.exit_code == 2
    assert "needs VIGIE_API_X_BEARER_TOKEN" in refused.stderr


def test_the_trial_shows_examples():
    shown = CliRunner().invoke(cli.app, ["connectors", "test", "--help"])
    assert "vigie-api connectors test bluesky" in shown.output.split("Example", 1)[1]
