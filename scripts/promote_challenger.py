"""Promote the version that has the alias challenger, through the API: only when it passed its gate.

Usage: promote_challenger.py https://vigie.example.org/api --reason "…"

Reads the key (scopes review and admin) from VIGIE_KEY_ADMIN. No challenger: nothing to do, exit 0.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any


class RefusedError(Exception):
    """What the API said."""


def challenger(models: list[dict[str, Any]]) -> str | None:
    """The version with the alias challenger, unless it is champion already."""
    for model in models:
        if "challenger" in model["aliases"] and "champion" not in model["aliases"]:
            return str(model["version"])
    return None


def ask(url: str, key: str, body: object = None) -> Any:
    """GET, or POST a body. Raises RefusedError with the API's own sentence."""
    request = urllib.request.Request(
        url,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        try:
            said = json.load(error)["detail"]
        except (ValueError, KeyError, TypeError):
            said = "no word why"
        raise RefusedError(f"{error.code}: {said}") from None
    except (OSError, ValueError) as error:
        raise RefusedError(f"{url} does not answer: {error}") from None


def main() -> int:
    """Say what serves now."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("api", help="address of the API, without /v1")
    parser.add_argument("--reason", required=True, help="why; kept with the move")
    options = parser.parse_args()
    api, key = options.api.rstrip("/"), os.environ.get("VIGIE_KEY_ADMIN", "")
    try:
        version = challenger(ask(f"{api}/v1/models", key)["models"])
        if version is None:
            print("There is no challenger: nothing to promote.")
            return 0
        moved = ask(f"{api}/v1/models/{version}/promote", key, {"reason": options.reason})
    except RefusedError as error:
        print(f"promote: {error}", file=sys.stderr)
        return 1
    previous = (moved["previous"] or {}).get("version", "none")
    print(f"Version {version} ({moved['champion']['recipe']}) is champion; before: {previous}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
