"""`make env`: secrets are random, complete, private, and never replaced."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "env.py"


@pytest.fixture(scope="module")
def env():
    spec = importlib.util.spec_from_file_location("env_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_secret_that_compose_requires_is_made(env):
    text, _ = env.completed("")

    required = {
        part.split(":?")[0] for part in (ROOT / "compose.yaml").read_text().split("${")[1:] if ":?" in part[:60]
    }
    assert required <= set(env.parsed(text))
    assert len(required) > 8


def test_a_second_run_changes_nothing(env):
    first, _ = env.completed("")

    assert env.completed(first) == (first, [])


def test_values_of_the_owner_stay_and_empty_ones_are_filled(env):
    text, added = env.completed("# mine\nVIGIE_PORT=9000\nPOSTGRES_PASSWORD=chosen\nS3_SECRET_KEY=\n")

    values = env.parsed(text)
    assert values["VIGIE_PORT"] == "9000"
    assert values["POSTGRES_PASSWORD"] == "chosen"
    assert len(values["S3_SECRET_KEY"]) >= 32
    assert "S3_SECRET_KEY" in added
    assert "POSTGRES_PASSWORD" not in added
    assert text.startswith("# mine\n")


def test_the_api_gets_the_hash_of_each_key_and_never_the_key(env):
    text, _ = env.completed("")

    values = env.parsed(text)
    known = {entry["name"]: entry for entry in json.loads(values["VIGIE_API_KEYS"])}
    assert known["ui"]["sha256"] == hashlib.sha256(values["VIGIE_KEY_UI"].encode()).hexdigest()
    assert "admin" not in known["ui"]["scopes"]
    assert values["VIGIE_KEY_UI"] not in values["VIGIE_API_KEYS"]


def without_ingest(env) -> str:
    """An .env of a version that had no key for pushing posts in."""
    text, _ = env.completed("")
    keys = [key for key in json.loads(env.parsed(text)["VIGIE_API_KEYS"]) if key["name"] != "ingest"]
    lines = [line for line in text.splitlines() if not line.startswith(("VIGIE_KEY_INGEST=", "VIGIE_API_KEYS="))]
    return "\n".join([*lines, f"VIGIE_API_KEYS='{json.dumps(keys)}'"]) + "\n"


def test_the_api_learns_of_a_key_that_a_newer_version_adds_and_keeps_those_that_it_has(env):
    old = without_ingest(env)

    text, added = env.completed(old)

    assert set(added) == {"VIGIE_KEY_INGEST", "VIGIE_API_KEYS"}
    before, after = (json.loads(env.parsed(found)["VIGIE_API_KEYS"]) for found in (old, text))
    assert after[: len(before)] == before
    assert [key["name"] for key in after[len(before) :]] == ["ingest"]
    assert env.unknown_keys(env.parsed(text)) == []
    assert env.completed(text) == (text, [])


def test_a_key_that_somebody_took_from_the_api_is_told_and_not_given_back(env):
    text, _ = env.completed("")
    values = env.parsed(text)
    keys = [key for key in json.loads(values["VIGIE_API_KEYS"]) if key["name"] != "ingest"]
    fewer = text.replace(values["VIGIE_API_KEYS"], json.dumps(keys))

    assert env.completed(fewer) == (fewer, [])
    (told,) = env.unknown_keys(env.parsed(fewer))
    assert "VIGIE_KEY_INGEST" in told
    assert "VIGIE_KEY_UI" not in told


def test_keys_that_make_no_sense_are_told_and_left_alone(env):
    text, _ = env.completed("VIGIE_API_KEYS='nonsense'\n")

    assert env.parsed(text)["VIGIE_API_KEYS"] == "nonsense"
    assert "no JSON list" in env.unknown_keys(env.parsed(text))[0]


def test_two_installations_share_no_secret(env):
    one, other = (set(env.parsed(env.completed("")[0]).values()) for _ in range(2))

    assert not one & other


def test_only_the_owner_can_read_the_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text("VIGIE_PORT=9000\n")
    file.chmod(0o644)

    subprocess.run([sys.executable, SCRIPT, "--file", file], check=True, capture_output=True)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "VIGIE_PORT=9000" in file.read_text()
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
