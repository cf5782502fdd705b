"""What `make backup` runs in MLflow's container: objects out of one store, into another, and away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("mlflow_server")]

PROGRAM = (Path(__file__).resolve().parents[3] / "scripts" / "backup_objects.py").read_text(encoding="utf-8")
# One of no bytes, one that S3 takes in several parts, and one whose name is long and not ASCII.
OBJECTS = {
    "1/run/artifacts/empty.txt": b"",
    "1/run/artifacts/model.bin": bytes(range(256)) * 40_000,
    f"1/run/artifacts/{'é' * 60}/row.json": b"{}",
}


def run(s3, what: str, artifacts: str, stdin: bytes = b"") -> bytes:
    settings = {
        "ARTIFACTS": artifacts,
        "S3_ENDPOINT": s3.endpoint,
        "S3_ACCESS_KEY": s3.access_key,
        "S3_SECRET_KEY": s3.secret_key,
        # Required, and not asked here.
        "DATABASE_HOST": "nowhere",
        "DATABASE_PASSWORD": "none",
        "ADMIN_PASSWORD": "twelve characters",
        "SECRET_KEY": "sixteen characters",
    }
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, what],
        env={"PATH": os.environ["PATH"]} | {f"VIGIE_MLFLOW_{name}": value for name, value in settings.items()},
        input=stdin,
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def test_objects_come_back_in_another_place_and_what_is_there_besides_can_be_deleted(s3):
    client = s3.client()
    for bucket in ("backed-up", "shared"):
        client.create_bucket(Bucket=bucket)
    for name, content in OBJECTS.items():
        client.put_object(Bucket="backed-up", Key=name, Body=content, ContentType="application/json")
    client.put_object(Bucket="shared", Key="vigie/2/later.txt", Body=b"later")
    client.put_object(Bucket="shared", Key="somebody/else.txt", Body=b"not ours")

    tar = run(s3, "save", "s3://backed-up")
    besides = run(s3, "load", "s3://shared/vigie", tar)

    assert besides == b"2/later.txt\n"
    for name, content in OBJECTS.items():
        found = client.get_object(Bucket="shared", Key=f"vigie/{name}")
        assert (found["Body"].read(), found["ContentType"]) == (content, "application/json")

    run(s3, "delete", "s3://shared/vigie", besides)

    keys = {found["Key"] for found in client.list_objects_v2(Bucket="shared")["Contents"]}
    assert keys == {"somebody/else.txt", *(f"vigie/{name}" for name in OBJECTS)}
