"""The document: kept current in docs/, complete, and true (schemathesis holds the application to it)."""

import json
import tempfile
import threading
import time
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from typer.testing import CliRunner

from vigie_api import cli
from vigie_api.access.keys import SCOPES, new_key
from vigie_api.app import create_app
from vigie_api.champion.serving import Verdict
from vigie_api.champion.source import FixedSource
from vigie_api.server import listen, worker
from vigie_api.settings import Settings

OPERATIONS = [
    (path, method) for path, methods in create_app(Settings()).openapi()["paths"].items() for method in methods
]
SECRET, ENTRY = new_key("schemathesis", sorted(SCOPES))
FOREIGN = {"/invocations": [positive_data_acceptance], "/v1/score": [positive_data_acceptance]}
"""Bodies of other people's protocols: JSON Schema cannot say all that is wrong with one (rows as long as a header)."""
KEPT = Path(__file__).parents[3] / "docs" / "openapi.json"


class _Positive:
    cost = "light"

    def predict_one(self, text):
        return Verdict("positive", 0.9, 0.9, False, "en")

    def predict(self, texts):
        return [self.predict_one(text) for text in texts]


def test_the_document_in_the_repository_is_current():
    checked = CliRunner().invoke(cli.app, ["openapi", "--check", "--out", str(KEPT)])
    assert checked.exit_code == 0, checked.output


def test_the_document_does_not_depend_on_the_environment(monkeypatch):
    monkeypatch.setenv("VIGIE_API_ROOT_PATH", "/api")
    monkeypatch.setenv("VIGIE_API_MAX_TEXTS", "3")
    assert CliRunner().invoke(cli.app, ["openapi", "--check", "--out", str(KEPT)]).exit_code == 0


def test_a_stale_document_is_shown_and_then_written(tmp_path):
    out = tmp_path / "openapi.json"
    stale = CliRunner().invoke(cli.app, ["openapi", "--check", "--out", str(out)])
    assert stale.exit_code == 1
    assert "not current" in stale.stderr
    assert CliRunner().invoke(cli.app, ["openapi", "--out", str(out)]).exit_code == 0
    assert out.read_text() == KEPT.read_text()


def test_every_operation_is_documented_with_its_errors():
    document = create_app(Settings()).openapi()
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["tags"]
            assert operation["description"]
            assert "500" in operation["responses"]
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert set(response["content"]) == {"application/problem+json"}, (path, status)
    for name in ("PredictRequest", "BatchRequest", "FeedbackRequest", "PredictionOut"):
        assert document["components"]["schemas"][name]["examples"]


@pytest.fixture(scope="module")
def address(mlflow_server):
    """The application on a port of its own, with a model that always says positive."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=home, mlflow_uri=mlflow_server, keys=[json.loads(ENTRY)], rate_per_minute=0)
        bound = listen("127.0.0.1", 0)
        server = worker(create_app(settings, model_source=FixedSource(_Positive())), settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        found = f"http://127.0.0.1:{bound.getsockname()[1]}"
        try:
            while not _ready(found):
                time.sleep(0.01)
            yield found
        finally:
            server.should_exit = True
            thread.join()
            bound.close()


def _ready(address):
    try:
        return httpx.get(f"{address}/readyz", timeout=60).json().get("database")
    except httpx.HTTPError:
        return False


def _is_texts(value):
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_one(value):
    return not isinstance(value, list | dict)


@pytest.fixture(scope="module")
def contract(address):
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
@pytest.mark.integration
@pytest.mark.hypothesis  # its draws are its own affair, so the plugin does not see that `make fuzz` means it, too
@pytest.mark.xdist_group("api-mlflow")  # one MLflow server and one API for all operations
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis does, inside its strategies
def test_the_application_keeps_to_the_document(contract, path, method):
    operation = contract[path][method.upper()]
    # What others' probes ask is little; their bodies are fuzzed in test_hostile_bytes.py.
    draws = 5 if operation.definition.raw["tags"] == ["protocols"] else 30
    repeatable = {
        parameter["name"]
        for parameter in json.loads(KEPT.read_text())["paths"][path][method].get("parameters", [])
        if any(kind.get("type") == "array" for kind in [parameter["schema"], *parameter["schema"].get("anyOf", [])])
    }

    @given(st.one_of(operation.as_strategy(), operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)))
    @examples(max_examples=draws, deadline=None, suppress_health_check=list(HealthCheck))
    def keeps(case):
        # A parameter with nothing in it is not sent: what makes the case wrong would not reach the application.
        query = case.query or {}
        assume(all(value not in (None, [], {}) for value in query.values()))
        # On the wire everything is text, and a list of one is one value: only the schema knows the difference.
        assume(all(_is_texts(value) if name in repeatable else _is_one(value) for name, value in query.items()))
        headers = {"Authorization": f"Bearer {SECRET}"}
        case.call_and_validate(headers=headers, timeout=60, excluded_checks=FOREIGN.get(path))

    keeps()
