"""Settings come from the environment, are described, and refuse what would be unsafe."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from vigie_api.access.loopback import is_loopback
from vigie_api.cli import app
from vigie_api.settings import Settings

ENTRY = {"name": "ui", "scopes": ["predict"], "sha256": "0" * 64}


def test_the_embedded_mode_keeps_its_state_under_home(monkeypatch):
    monkeypatch.setenv("VIGIE_HOME", "/srv/vigie")
    settings = Settings()
    assert settings.database_url == "sqlite:////srv/vigie/api/vigie.db"
    assert settings.model_cache_dir == Path("/srv/vigie/api/models")
    assert (settings.host, settings.port, settings.spool_dir) == ("127.0.0.1", 8000, None)


def test_an_empty_variable_is_no_variable(monkeypatch):
    monkeypatch.setenv("VIGIE_API_KEYS", "")
    monkeypatch.setenv("VIGIE_API_SPOOL_DIR", "")
    assert (Settings().keys, Settings().spool_dir) == ((), None)


@pytest.mark.parametrize("host", ["::", "192.168.1.2", "api.example.org"])
def test_without_a_key_only_this_machine_may_call(monkeypatch, host):
    monkeypatch.setenv("VIGIE_API_HOST", host)
    with pytest.raises(ValidationError, match="only a loopback address"):
        Settings()
    monkeypatch.setenv("VIGIE_API_KEYS", json.dumps([ENTRY]))
    assert Settings().host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_recognised(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY | {"scopes": ["root"]},
        ENTRY | {"scopes": []},
        ENTRY | {"sha256": "clear-text-key"},
        ENTRY | {"name": "a b"},
        {"name": "ui", "scopes": ["predict"]},
        ENTRY | {"key": "surplus"},
    ],
    ids=str,
)
def test_a_key_entry_that_makes_no_sense_is_refused(entry):
    with pytest.raises(ValidationError):
        Settings(keys=[entry])


def test_two_keys_of_one_name_are_refused():
    with pytest.raises(ValidationError, match="same name"):
        Settings(keys=[ENTRY, ENTRY])


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_plain_postgres_address_means_the_driver_that_is_installed(scheme):
    assert Settings(database_url=f"{scheme}://u@h/d").database_url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize("password", ["s3cret/word", "s3cret:word/@", "s3cret", "?s3cret#"])
def test_an_address_that_cannot_be_read_is_refused_in_a_sentence_without_its_password(monkeypatch, password):
    monkeypatch.setenv("VIGIE_API_DATABASE_URL", f"postgresql://vigie:{password}@postgres:port/vigie")
    refused = CliRunner().invoke(app, ["serve"])
    assert refused.exit_code == 2
    assert "VIGIE_API_DATABASE_URL: is no address such as" in refused.stderr
    assert "s3cret" not in refused.output


def test_secrets_do_not_show_when_settings_are_printed():
    shown = repr(Settings(keys=[ENTRY], database_url="postgresql://u:pw@h/d", mlflow_password="hush"))
    assert not any(secret in shown for secret in ("pw@", "hush", "0" * 64))


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())
