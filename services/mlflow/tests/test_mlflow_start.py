"""What happens before the server runs: settings, waiting, accounts, the command line."""

from __future__ import annotations

import configparser
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from vigie_mlflow.accounts import settle_accounts, wanted_accounts
from vigie_mlflow.server import server_command, server_environment, write_auth_config
from vigie_mlflow.settings import Settings
from vigie_mlflow.waiting import NotReadyError, wait_for


def settings(**values) -> Settings:
    required = {
        "database_host": "db",
        "database_password": "p@ss/word:%",
        "admin_password": "admin-password",
        "secret_key": "0123456789abcdef",
    }
    return Settings(**(required | values))


class Clock:
    """Time that passes only while sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Accounts:
    """MLflow's account store, in memory."""

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}
        self.admins: set[str] = set()
        self.grants: set[tuple[str, str, str, str]] = set()

    def has_user(self, username):
        return username in self.passwords

    def authenticate_user(self, username, password):
        return self.passwords.get(username) == password

    def create_user(self, username, password, is_admin=False):
        assert username not in self.passwords
        self.passwords[username] = password
        if is_admin:
            self.admins.add(username)

    def update_user(self, username, password=None, is_admin=None):
        self.passwords[username] = password

    def grant_user_permission(self, username, resource_type, resource_pattern, permission):
        self.grants.add((username, resource_type, resource_pattern, permission))


def test_a_password_of_any_characters_survives_in_the_database_address():
    assert settings().database_url("mlflow") == (
        "postgresql+psycopg2://mlflow:p%40ss%2Fword%3A%25@db:5432/mlflow?sslmode=prefer"
    )


def test_only_an_s3_destination_has_a_bucket_to_create():
    assert settings(artifacts="s3://mlflow/some/folder").bucket == "mlflow"
    assert settings(artifacts="wasbs://container@account.blob.core.windows.net/art").bucket is None


@pytest.mark.parametrize(
    "wrong", [{"static_prefix": "mlflow/"}, {"admin_password": "short"}, {"artifacts": "mlflow"}, {"port": 0}]
)
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_waiting_says_what_it_waits_for_and_when_it_came():
    clock, said, answers = Clock(), [], iter([OSError("refused"), OSError("refused"), OSError("starting up"), None])

    def attempt() -> str:
        if error := next(answers):
            raise error
        return "here"

    result = wait_for("Postgres", attempt, (OSError,), wait_s=60, say=said.append, clock=clock, sleep=clock.sleep)

    assert result == "here"
    assert said == [
        "waiting for Postgres (0 s): refused",
        "waiting for Postgres (2 s): starting up",
        "Postgres is ready after 3 s",
    ]


def test_waiting_gives_up_with_the_last_reason():
    clock = Clock()

    def attempt() -> None:
        raise OSError("no route to host\nand a second line")

    with pytest.raises(NotReadyError, match=r"S3 is not ready after 5 s: no route to host$"):
        wait_for("S3", attempt, (OSError,), wait_s=5, say=lambda _: None, clock=clock, sleep=clock.sleep)


def test_an_unexpected_error_is_not_waited_for():
    def attempt() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wait_for("S3", attempt, (OSError,), wait_s=5, say=lambda _: None)


def test_accounts_are_created_with_what_each_needs():
    store = Accounts()
    wanted = wanted_accounts(settings(api_password="api-password-123", trainer_password="trainer-password"))

    settle_accounts(store, wanted, lambda _: None)

    assert store.passwords == {
        "admin": "admin-password",
        "vigie-api": "api-password-123",
        "vigie-trainer": "trainer-password",
    }
    assert store.admins == {"admin"}
    assert store.grants == {
        ("vigie-api", "registered_model", "sentiment", "EDIT"),
        ("vigie-trainer", "experiment", "*", "EDIT"),
        ("vigie-trainer", "registered_model", "*", "EDIT"),
    }


def test_a_changed_password_takes_effect_at_the_next_start_and_people_keep_theirs():
    store, said = Accounts(), []
    store.passwords = {"admin": "the old password", "camille": "hers"}

    settle_accounts(store, wanted_accounts(settings()), said.append)
    settle_accounts(store, wanted_accounts(settings()), said.append)

    assert store.passwords == {"admin": "admin-password", "camille": "hers"}
    assert said == ["changed the password of account admin"]


def test_the_sign_in_file_is_private_and_keeps_percent_signs(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    path = write_auth_config(settings())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = configparser.ConfigParser()
    config.read(path)
    assert config["mlflow"]["default_permission"] == "READ"
    assert config["mlflow"]["database_uri"].endswith("p%40ss%2Fword%3A%25@db:5432/mlflow_auth?sslmode=prefer")


def test_no_secret_is_on_the_command_line():
    configured = settings(
        static_prefix="/mlflow", cors_origins="https://a", s3_access_key="the-key", s3_secret_key="the-secret"
    )

    line = " ".join(server_command(configured))

    assert "--static-prefix=/mlflow" in line
    assert "--cors-allowed-origins=https://a" in line
    for secret in ("p@ss", "p%40ss", "admin-password", "0123456789abcdef", "the-key", "the-secret"):
        assert secret not in line


def test_the_server_gets_each_secret_under_mlflows_name_only():
    configured = settings(s3_endpoint="http://s3", s3_access_key="the-key", s3_secret_key="the-secret")

    environment = server_environment(
        configured, Path("/tmp/x.ini"), {"PATH": "/bin", "VIGIE_MLFLOW_ADMIN_PASSWORD": "admin-password"}
    )

    assert environment["PATH"] == "/bin"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "the-secret"
    assert environment["MLFLOW_S3_ENDPOINT_URL"] == "http://s3"
    assert not [name for name in environment if name.startswith("VIGIE_MLFLOW_")]


def test_amazons_own_s3_and_roles_need_no_key():
    environment = server_environment(settings(), Path("/tmp/x.ini"), {})

    assert "AWS_ACCESS_KEY_ID" not in environment
    assert "MLFLOW_S3_ENDPOINT_URL" not in environment


def test_missing_settings_are_named_and_exit_2():
    command = [Path(sys.executable).parent / "vigie-mlflow", "serve"]

    result = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)

    assert result.returncode == 2
    assert "VIGIE_MLFLOW_DATABASE_PASSWORD: Field required" in result.stderr
    assert "Traceback" not in result.stderr
