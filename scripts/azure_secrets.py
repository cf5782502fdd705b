"""Make the secrets that Vigie needs on Azure, each once, and store them in the vault. Safe to repeat.

Usage: azure_secrets.py VAULT [--from-env NAME=VARIABLE …] [--replace NAME …]

What is there stays, what is missing is made at random. `--from-env smtp-password=SMTP_PASSWORD` takes a value from
outside; `--replace NAME` makes a new one (rotation: docs/runbook.md). Nothing is printed but names.
Needs `az`, signed in with the role Key Vault Secrets Officer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from azure_cloud import Cloud, CloudError
from env import secret

# Secret of the vault -> name of the key and its scopes.
KEYS = {
    "key-ui": ("ui", ["predict", "review"]),
    "key-trainer": ("trainer", ["review", "admin"]),
    "key-admin": ("admin", ["predict", "ingest", "review", "admin"]),
    "key-smoke": ("smoke", ["predict"]),
}
PASSWORDS = (
    "database-admin-password",
    "database-api-password",
    "database-mlflow-password",
    "mlflow-admin-password",
    "mlflow-api-password",
    "mlflow-trainer-password",
    "mlflow-secret-key",
    "author-secret",
)
# Databases of the API, by the secret that holds the address.
ADDRESSES = {"api-database-url": "vigie", "api-database-url-staging": "vigie_staging"}
FROM_OUTSIDE = ("smtp-password", "x-bearer-token", "github-token")


def database_host(vault: str) -> str:
    """The server's name ends as the vault's does: main.bicep and foundation.bicep take both from the group."""
    _, name, unique = vault.split("-")
    return f"psql-{name}-{unique}.postgres.database.azure.com"


def settled(vault: str, found: Mapping[str, str | None], given: Mapping[str, str]) -> dict[str, str]:
    """What is to be stored, given what is there (None: missing, or to be made anew) and what comes from outside."""
    new = {name: secret() for name in PASSWORDS if found.get(name) is None}
    new |= {name: f"vigie_{secret()}" for name in KEYS if found.get(name) is None}
    new |= given
    values = {name: value for name, value in found.items() if value is not None} | new
    password = values["database-api-password"]
    derived = {
        secret_name: f"postgresql+psycopg://vigie:{password}@{database_host(vault)}:5432/{database}?sslmode=require"
        for secret_name, database in ADDRESSES.items()
    }
    derived["api-keys"] = json.dumps(
        [
            {"name": name, "scopes": scopes, "sha256": hashlib.sha256(values[key].encode()).hexdigest()}
            for key, (name, scopes) in KEYS.items()
        ],
        separators=(",", ":"),
    )
    return new | {name: value for name, value in derived.items() if found.get(name) != value}


def store(cloud: Cloud, vault: str, values: Mapping[str, str]) -> None:
    """Store each through a private file that is gone afterwards."""
    for name, value in values.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "value"
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(value)
            cloud.keep_secret(vault, name, file)


def main() -> int:
    """Say which secrets were stored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vault", help="name of the vault (output of foundation.bicep)")
    parser.add_argument("--replace", action="append", default=[], choices=[*PASSWORDS, *KEYS], help="make a new one")
    parser.add_argument("--from-env", action="append", default=[], metavar="NAME=VARIABLE", help="a value from outside")
    options = parser.parse_args()
    given = {}
    for pair in options.from_env:
        name, _, variable = pair.partition("=")
        if name not in FROM_OUTSIDE or not os.environ.get(variable):
            parser.error(f"--from-env {pair}: NAME is one of {', '.join(FROM_OUTSIDE)}, VARIABLE is set")
        given[name] = os.environ[variable]
    cloud = Cloud("")
    names = [*PASSWORDS, *KEYS, *ADDRESSES, "api-keys"]
    try:
        found = {name: None if name in options.replace else cloud.secret(options.vault, name) for name in names}
        values = settled(options.vault, found, given)
        store(cloud, options.vault, values)
    except CloudError as error:
        print(f"azure_secrets: {error}", file=sys.stderr)
        return 1
    print(f"{options.vault}: stored {', '.join(sorted(values))}" if values else f"{options.vault}: complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
