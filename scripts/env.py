"""Write `.env`: the random secrets without which compose.yaml refuses to start.

Safe to repeat: values that are there stay, missing ones are added, nothing is ever replaced. The API learns of a key
that is added; of one that is there and that it does not know, this only tells.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HEADER = """\
# Secrets of this installation, written by `make env`. Keep it private, keep it safe, keep it out of git:
# the databases in the volumes know these passwords. .env.example lists what else can be set here.
"""


def secret() -> str:
    """Make a password of 192 random bits, of letters and digits only so that no quoting can go wrong."""
    return secrets.token_hex(24)


# Name → how to make it. The API keys are made last, because VIGIE_API_KEYS holds their hashes.
MAKERS: dict[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": secret,
    "VIGIE_DB_API_PASSWORD": secret,
    "VIGIE_DB_MLFLOW_PASSWORD": secret,
    "S3_ACCESS_KEY": lambda: f"vigie{secrets.token_hex(8)}",
    "S3_SECRET_KEY": secret,
    "MLFLOW_ADMIN_PASSWORD": secret,
    "MLFLOW_API_PASSWORD": secret,
    "MLFLOW_TRAINER_PASSWORD": secret,
    "MLFLOW_SECRET_KEY": secret,
    "GRAFANA_ADMIN_PASSWORD": secret,
    "VIGIE_API_AUTHOR_SECRET": secret,
    "VIGIE_KEY_UI": lambda: f"vigie_{secret()}",
    "VIGIE_KEY_TRAINER": lambda: f"vigie_{secret()}",
    "VIGIE_KEY_ADMIN": lambda: f"vigie_{secret()}",
    "VIGIE_KEY_INGEST": lambda: f"vigie_{secret()}",
}
SCOPES = {
    "ui": ("VIGIE_KEY_UI", ["predict", "review"]),
    "trainer": ("VIGIE_KEY_TRAINER", ["review", "admin"]),
    "admin": ("VIGIE_KEY_ADMIN", ["predict", "review", "admin"]),
    "ingest": ("VIGIE_KEY_INGEST", ["ingest"]),
}


def main() -> int:
    """Write the file and say what was added."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=ROOT / ".env", help="the file to write (default: .env)")
    file: Path = parser.parse_args().file
    text = file.read_text(encoding="utf-8") if file.exists() else HEADER
    complete, added = completed(text)
    write_private(file, complete)
    if added:
        print(f"{file.name}: added {', '.join(added)}")
    else:
        print(f"{file.name}: complete, nothing changed")
    for trouble in unknown_keys(parsed(complete)):
        print(f"{file.name}: {trouble}", file=sys.stderr)
    return 0


def completed(text: str) -> tuple[str, list[str]]:
    """Give the text with the missing values added at its end, and the names of what was added."""
    values = parsed(text)
    added = {name: make() for name, make in MAKERS.items() if not values.get(name)}
    values |= added
    if not values.get("VIGIE_API_KEYS"):
        added["VIGIE_API_KEYS"] = f"'{api_keys(values)}'"
    elif newer := with_newer(values, set(added)):
        added["VIGIE_API_KEYS"] = f"'{newer}'"
    # An empty assignment left in place would win or lose by its position; it goes, its value follows.
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() not in added]
    lines = [*kept, *(f"{name}={value}" for name, value in added.items())]
    return "\n".join(lines) + "\n", list(added)


def api_keys(values: dict[str, str]) -> str:
    """Give the JSON that the API reads: name, scopes and SHA-256 of each key, never the key."""
    return json.dumps([api_key(values, name) for name in SCOPES], separators=(",", ":"))


def api_key(values: dict[str, str], name: str) -> dict[str, object]:
    """Give what the API reads of one key."""
    variable, scopes = SCOPES[name]
    return {"name": name, "scopes": scopes, "sha256": hashlib.sha256(values[variable].encode()).hexdigest()}


def with_newer(values: dict[str, str], made: set[str]) -> str | None:
    """Give VIGIE_API_KEYS with the keys that were made just now and that it has not; None when there are none.

    An .env of an older version has no key for a role that came later. What is in the list stays as it is.
    """
    known = known_keys(values)
    if known is None:
        return None
    names = {key.get("name") for key in known}
    newer = [api_key(values, name) for name, (variable, _) in SCOPES.items() if variable in made and name not in names]
    return json.dumps([*known, *newer], separators=(",", ":")) if newer else None


def known_keys(values: dict[str, str]) -> list[dict[str, object]] | None:
    """Give what VIGIE_API_KEYS lists; None when it cannot be read."""
    try:
        known = json.loads(values.get("VIGIE_API_KEYS", ""))
    except ValueError:
        return None
    return known if isinstance(known, list) and all(isinstance(key, dict) for key in known) else None


def unknown_keys(values: dict[str, str]) -> list[str]:
    """Say which keys of this file the API would refuse, and what to do."""
    known = known_keys(values)
    if known is None:
        return ["VIGIE_API_KEYS is no JSON list: the API will not start. Delete the line and run this again."]
    hashes = {key.get("sha256") for key in known}
    unknown = [variable for name, (variable, _) in SCOPES.items() if api_key(values, name)["sha256"] not in hashes]
    if not unknown:
        return []
    refused = ", ".join(unknown)
    return [
        f"VIGIE_API_KEYS does not know {refused}, so the API refuses it. If that is not meant, delete the line "
        "VIGIE_API_KEYS, run this again, then `docker compose up -d`."
    ]


def parsed(text: str) -> dict[str, str]:
    """Read NAME=value lines, quotes removed; anything else is a comment."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            values[name.strip()] = "".join(shlex.split(value)) if value.strip() else ""
    return values


def write_private(file: Path, text: str) -> None:
    """Write the file so that only its owner can read it, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(file)


if __name__ == "__main__":
    sys.exit(main())
