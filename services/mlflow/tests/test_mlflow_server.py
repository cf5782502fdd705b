"""The server as it runs: real Postgres, real S3, real sign-in, artifacts through the server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import mlflow
import pytest
from mlflow.exceptions import MlflowException

from vigie_mlflow.database import one_at_a_time
from vigie_mlflow.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("mlflow_server")]

EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=1"


@pytest.fixture
def client(mlflow_server, monkeypatch):
    def sign_in(user: str, password: str) -> mlflow.MlflowClient:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
        return mlflow.MlflowClient(mlflow_server.url, mlflow_server.url)

    return sign_in


def test_a_run_and_its_artifact_are_still_there_after_a_restart_that_rotates_a_secret(
    mlflow_server, client, s3, tmp_path
):
    trainer = client("vigie-trainer", "trainer-password")
    experiment = trainer.create_experiment("restart")
    run = trainer.create_run(experiment).info.run_id
    trainer.log_metric(run, "accuracy", 0.77)
    content = os.urandom(300_000)
    (tmp_path / "weights.bin").write_bytes(content)
    trainer.log_artifact(run, str(tmp_path / "weights.bin"), "vigie")

    old, new = mlflow_server.admin_password, "another-password"
    mlflow_server.stop()
    mlflow_server.start(admin_password=new)

    assert httpx.get(mlflow_server.url + EXPERIMENTS, timeout=60, auth=("admin", old)).status_code == 401
    assert httpx.get(mlflow_server.url + EXPERIMENTS, timeout=60, auth=("admin", new)).status_code == 200
    assert trainer.get_run(run).data.metrics == {"accuracy": 0.77}
    assert Path(trainer.download_artifacts(run, "vigie/weights.bin", str(tmp_path))).read_bytes() == content
    keys = [item["Key"] for item in s3.client().list_objects_v2(Bucket="mlflow")["Contents"]]
    assert f"{experiment}/{run}/artifacts/vigie/weights.bin" in keys


def test_the_api_account_moves_aliases_of_the_served_model_and_nothing_else(client):
    trainer = client("vigie-trainer", "trainer-password")
    run = trainer.create_run(trainer.create_experiment("aliases")).info
    for name in ("sentiment", "other"):
        trainer.create_registered_model(name)
        trainer.create_model_version(name, source=run.artifact_uri, run_id=run.run_id)

    api = client("vigie-api", "api-password-123")
    api.set_registered_model_alias("sentiment", "champion", "1")
    api.set_model_version_tag("sentiment", "1", "vigie.promoted_by", "api")

    assert api.get_model_version_by_alias("sentiment", "champion").tags == {"vigie.promoted_by": "api"}
    with pytest.raises(MlflowException, match="Permission denied"):
        api.set_registered_model_alias("other", "champion", "1")
    with pytest.raises(MlflowException, match="Permission denied"):
        api.delete_registered_model("sentiment")


def test_a_wrong_password_is_refused(mlflow_server):
    for sign_in in (None, ("admin", "wrong-password"), ("nobody", mlflow_server.admin_password)):
        assert httpx.get(mlflow_server.url + EXPERIMENTS, timeout=60, auth=sign_in).status_code == 401
    assert (
        httpx.get(mlflow_server.url + EXPERIMENTS, timeout=60, auth=("admin", mlflow_server.admin_password)).status_code
        == 200
    )


def test_an_unknown_host_is_refused(mlflow_server):
    answer = httpx.get(
        mlflow_server.url + EXPERIMENTS,
        auth=("admin", mlflow_server.admin_password),
        headers={"Host": "evil.example"},
        timeout=60,
    )

    assert answer.status_code == 403


def test_no_secret_is_in_the_process_list(mlflow_server, postgres):
    words = Path(f"/proc/{mlflow_server.process.pid}/cmdline").read_bytes().decode().split("\0")

    assert "server" in words
    assert not [word for word in words if "password" in word or "p%40ss" in word or postgres.password in word]


def test_servers_that_start_together_prepare_the_databases_one_after_the_other(mlflow_server, monkeypatch):
    for name, value in mlflow_server.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    waits, enters = threading.Event(), threading.Event()

    def second() -> None:
        with one_at_a_time(settings, lambda _: waits.set()):
            enters.set()

    thread = threading.Thread(target=second)
    with one_at_a_time(settings, lambda said: pytest.fail(said)):
        thread.start()
        assert waits.wait(60)
        assert not enters.is_set()
    assert enters.wait(60)
    thread.join()


def vigie_mlflow(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "vigie-mlflow"
    return subprocess.run([program, command], env=environment, capture_output=True, text=True)


def test_health_asks_the_database_and_says_what_is_wrong(mlflow_server):
    environment = mlflow_server.environment
    assert vigie_mlflow("health", environment).returncode == 0

    refused = vigie_mlflow("health", environment | {"VIGIE_MLFLOW_ADMIN_PASSWORD": "not-the-password"})
    assert refused.returncode == 1
    assert "HTTP 401" in refused.stderr

    away = vigie_mlflow("health", environment | {"VIGIE_MLFLOW_PORT": "1"})
    assert away.returncode == 1
    assert "no answer on port 1" in away.stderr


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"VIGIE_MLFLOW_DATABASE_PASSWORD": "wrong"}, "Postgres at 127.0.0.1"),
        ({"VIGIE_MLFLOW_DATABASE_PORT": "1"}, "Postgres at 127.0.0.1:1 is not ready after"),
        ({"VIGIE_MLFLOW_S3_ENDPOINT": "http://127.0.0.1:1"}, "S3 at http://127.0.0.1:1 is not ready after"),
        ({"VIGIE_MLFLOW_S3_SECRET_KEY": "wrong"}, "S3 at http://127.0.0.1"),
    ],
)
def test_what_does_not_answer_is_named_in_one_sentence(mlflow_server, wrong, sentence):
    result = vigie_mlflow("serve", mlflow_server.environment | {"VIGIE_MLFLOW_WAIT_S": "1"} | wrong)

    assert result.returncode == 1
    assert sentence in result.stderr
    assert "then start again" in result.stderr
    assert "Traceback" not in result.stderr
