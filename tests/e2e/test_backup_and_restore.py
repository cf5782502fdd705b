"""A backup of the running stack, real damage to it, and everything back."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import ROOT, Stack, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.only_on("compose", reason="Azure backs its database and blobs up itself")]

DELETE_OBJECT = """
import boto3, os, sys
client = boto3.client(
    "s3",
    endpoint_url=os.environ["VIGIE_MLFLOW_S3_ENDPOINT"],
    aws_access_key_id=os.environ["VIGIE_MLFLOW_S3_ACCESS_KEY"],
    aws_secret_access_key=os.environ["VIGIE_MLFLOW_S3_SECRET_KEY"],
    region_name="us-east-1",
)
client.delete_object(Bucket="mlflow", Key=sys.argv[1])
"""


def script(stack: Stack, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ["--project-name", stack.project, "--env-file", str(stack.env_file)]
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / f"{name}.py", *where, *arguments], capture_output=True, text=True
    )


def sql(stack: Stack, database: str, statement: str) -> str:
    psql = ("psql", "--username=postgres", "-XAtq", "--set=ON_ERROR_STOP=1", f"--dbname={database}")
    return stack.compose("exec", "--no-TTY", "postgres", *psql, f"--command={statement}").strip()


def known(api: httpx.Client, path: str) -> dict[str, Any]:
    """Everything that a list of the API holds, by id."""
    answer = api.get(path, headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return {line["id"]: line for line in map(json.loads, answer.text.splitlines())}


def versions(api: httpx.Client) -> dict[str, list[str]]:
    answer = api.get("/v1/models", timeout=120)
    assert answer.status_code == 200, answer.text
    return {model["version"]: model["aliases"] for model in answer.json()["models"]}


def artifact(stack: Stack, path: str) -> httpx.Response:
    address = f"{stack.url}/mlflow/api/2.0/mlflow-artifacts/artifacts/{path}"
    return httpx.get(address, auth=("admin", stack.secrets["MLFLOW_ADMIN_PASSWORD"]), timeout=60)


def test_what_was_backed_up_is_there_again_after_real_damage(stack: Stack, api: httpx.Client, tmp_path: Path) -> None:
    text = "Bagages livrés avant nous, chapeau"
    prediction = api.post("/v1/predict", json={"text": text}).json()
    verdict = {"prediction_id": prediction["id"], "verdict": "correct", "comment": "avant la panne"}
    assert api.post("/v1/feedback", json=verdict).status_code == 201
    wait_until("the prediction is in the database", lambda: prediction["id"] in known(api, "/v1/predictions"))
    predictions, verdicts = known(api, "/v1/predictions"), known(api, "/v1/feedback")
    models, champion = versions(api), api.get("/v1/model").json()
    run = sql(stack, "mlflow", "SELECT experiment_id || '/' || run_uuid FROM runs ORDER BY start_time LIMIT 1")
    row = f"{run}/artifacts/row.json"
    content = artifact(stack, row)
    assert content.status_code == 200, content.text

    made = script(stack, "backup", "--to", str(tmp_path), "--json")

    assert made.returncode == 0, made.stderr
    backup = Path(json.loads(made.stdout)["backup"])
    assert {stat.S_IMODE(file.stat().st_mode) for file in backup.iterdir()} == {0o600}

    sql(stack, "vigie", "DELETE FROM predictions; DELETE FROM feedback")
    sql(stack, "mlflow", "DELETE FROM registered_model_aliases")
    stack.compose("exec", "--no-TTY", "mlflow", "python", "-c", DELETE_OBJECT, row)
    later = api.post("/v1/predict", json={"text": "après la sauvegarde"}).json()["id"]
    wait_until("the later prediction is there", lambda: later in known(api, "/v1/predictions"))
    assert prediction["id"] not in known(api, "/v1/predictions")
    assert artifact(stack, row).status_code != 200

    refused = script(stack, "restore", str(backup))
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    assert later in known(api, "/v1/predictions")

    restored = script(stack, "restore", str(backup), "--replace", "--json")

    assert restored.returncode == 0, restored.stderr
    wait_until("page and API are back", stack.ready)
    assert known(api, "/v1/predictions") == predictions
    assert known(api, "/v1/feedback") == verdicts
    assert versions(api) == models
    after = api.get("/v1/model").json()
    assert (after["version"], after["artifact_digest"]) == (champion["version"], champion["artifact_digest"])
    assert artifact(stack, row).content == content.content
    assert json.loads(restored.stdout)["rows"]["vigie"]["predictions"] == len(predictions)
    assert api.post("/v1/predict", json={"text": text}).json()["score"] == prediction["score"]
