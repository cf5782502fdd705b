"""`vigie-api`: says what it does, and answers misuse with one sentence and exit 2."""

import json
import re

import pytest
from typer.testing import CliRunner

from vigie_api import cli, server
from vigie_api.access.api_key import ApiKey
from vigie_api.access.keys import Keyring


def run(*arguments: str):
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["openapi"], ["keys", "new"], ["mail", "test"]])
def test_every_command_shows_an_example(command):
    shown = run(*command, "--help")
    assert shown.exit_code == 0
    assert f"vigie-api {' '.join(command)}" in shown.output.split("Example", 1)[1]


def test_a_new_key_is_shown_once_with_its_entry():
    made = run("keys", "new", "ui", "--scope", "predict", "--scope", "review")
    lines = dict(line.split(":", 1) for line in made.stdout.splitlines())
    ring = Keyring([ApiKey(**json.loads(lines["entry"]))])
    assert ring.identify(f"Bearer {lines['key'].strip()}").scopes == {"predict", "review"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["a b", "--scope", "predict"], "NAME may have"), (["ui", "--scope", "root"], "--scope is one of")],
)
def test_a_key_that_makes_no_sense_is_exit_2(arguments, sentence):
    refused = run("keys", "new", *arguments)
    assert refused.exit_code == 2
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("VIGIE_API_HOST", "192.0.2.1", "only a loopback address"),
        ("VIGIE_API_KEYS", "[", "VIGIE_API_KEYS is not JSON"),
        ("VIGIE_API_KEYS", '[{"name": "ui"}]', "VIGIE_API_KEYS_0_SCOPES: Field required"),
        ("VIGIE_API_PORT", "many", "VIGIE_API_PORT: "),
        ("VIGIE_API_MAIL_TO", "ops@example.org,nobody", "VIGIE_API_MAIL_TO: is no e-mail address"),
        ("VIGIE_API_MAX_TEXTS", "5000", "VIGIE_API_MAX_TEXTS: "),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence_and_exit_2(monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)
    refused = run("serve")
    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_an_address_of_another_machine_cannot_be_listened_on():
    with pytest.raises(server.CannotListen, match=r"Cannot listen on 192\.0\.2\.1, port 8000"):
        server.listen("192.0.2.1", 8000)


def test_migrate_says_where_the_database_is(monkeypatch, tmp_path):
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    done = run("migrate")
    assert done.exit_code == 0
    assert re.fullmatch(r"The database is at revision \d{4}\.\n", done.output)


def test_migrate_without_a_database_is_one_sentence_and_exit_1(monkeypatch):
    monkeypatch.setenv("VIGIE_API_DATABASE_URL", "postgresql://u:hush@127.0.0.1:9/d")
    refused = run("migrate")
    assert refused.exit_code == 1
    assert "does not answer" in refused.stderr
    assert "hush" not in refused.output


def test_migrate_does_not_hide_what_it_did_not_foresee(monkeypatch, tmp_path):
    def explode(_engine):
        raise ZeroDivisionError

    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.setattr("vigie_api.database.migrate.migrate", explode)
    assert isinstance(run("migrate").exception, ZeroDivisionError)


def test_serve_opens_the_address_and_runs_the_application(monkeypatch, tmp_path, free_port):
    started = []
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.setattr("vigie_api.server.serve", lambda app, settings, bound: started.append((app, settings, bound)))
    monkeypatch.setattr("vigie_api.telemetry.logs.configure_logs", lambda _level: None)
    assert run("serve", "--port", str(free_port)).exit_code == 0
    app, settings, bound = started[0]
    assert (bound.getsockname(), settings.port, app.title) == (("127.0.0.1", free_port), free_port, "Vigie API")
    bound.close()
