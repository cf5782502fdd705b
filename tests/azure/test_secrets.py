"""Secrets are made once, kept, and derived from each other without a contradiction."""

import hashlib
import json
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from vigie_api.settings import Settings

from .conftest import Azure

ROOT = Path(__file__).resolve().parents[2]
VAULT = "kv-vigie-abcdefgh"


@pytest.fixture(scope="module")
def settled() -> Callable[..., dict[str, str]]:
    """What azure_secrets.py would store."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return import_module("azure_secrets").settled
    finally:
        sys.path.pop(0)


def test_every_secret_that_a_container_or_a_job_refers_to_is_made(azure: Azure) -> None:
    done = azure.run("azure_secrets.py", VAULT, "--from-env", "smtp-password=MAIL", MAIL="from outside")

    assert done.returncode == 0, done.stderr
    made = azure.state["secrets"]
    containers = json.loads((ROOT / "azure" / "containers.json").read_text())
    referred = {secret for container in containers.values() for secret in container["secrets"].values()}
    jobs = "".join((ROOT / "azure" / "modules" / f"{name}.bicep").read_text() for name in ("jobs", "inside"))
    referred |= set(re.findall(r"secretRef: '([^']+)'", jobs))
    referred |= set(re.findall(r"getSecret\('([^']+)'\)", (ROOT / "azure" / "main.bicep").read_text()))
    # Only who has an account at X has its key.
    assert referred - set(made) == {"x-bearer-token"}
    # Nothing secret is printed.
    assert not [value for value in made.values() if value in done.stdout + done.stderr]


def test_what_is_there_stays(settled: Callable[..., dict[str, str]]) -> None:
    first = settled(VAULT, {}, {})

    assert settled(VAULT, first, {}) == {}


def test_a_new_password_reaches_the_addresses_that_hold_it(settled: Callable[..., dict[str, str]]) -> None:
    first = settled(VAULT, {}, {})

    changed = settled(VAULT, first | {"database-api-password": None}, {})

    assert set(changed) == {"database-api-password", "api-database-url", "api-database-url-staging"}
    password = changed["database-api-password"]
    assert password != first["database-api-password"]
    for name, database in (("api-database-url", "vigie"), ("api-database-url-staging", "vigie_staging")):
        host = "psql-vigie-abcdefgh.postgres.database.azure.com"
        assert changed[name] == f"postgresql+psycopg://vigie:{password}@{host}:5432/{database}?sslmode=require"


def test_the_api_knows_the_hashes_of_the_keys(settled: Callable[..., dict[str, str]]) -> None:
    secrets = settled(VAULT, {}, {})

    keys = {key["name"]: key for key in json.loads(secrets["api-keys"])}
    assert keys["smoke"]["scopes"] == ["predict"]
    for name in ("ui", "trainer", "admin", "smoke"):
        assert keys[name]["sha256"] == hashlib.sha256(secrets[f"key-{name}"].encode()).hexdigest()
    # The API accepts them as they are.
    assert len(Settings(keys=json.loads(secrets["api-keys"]), host="10.0.0.4").keys) == len(keys)


def test_the_servers_name_is_the_one_that_bicep_gives() -> None:
    main = (ROOT / "azure" / "main.bicep").read_text()
    foundation = (ROOT / "azure" / "foundation.bicep").read_text()

    assert "name: 'psql-${name}-${take(unique, 8)}'" in main
    assert "name: 'kv-${name}-${take(unique, 8)}'" in foundation
    assert "var unique = uniqueString(resourceGroup().id)" in main
    assert "var unique = uniqueString(resourceGroup().id)" in foundation


def test_a_vault_that_refuses_is_an_error(azure: Azure) -> None:
    azure.write(refuse=["secret show"])

    done = azure.run("azure_secrets.py", VAULT)

    assert done.returncode == 1
    assert "refused" in done.stderr
