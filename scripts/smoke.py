"""Ask a running Vigie what a person would: is it ready, does it judge a text, does it take a verdict?

Usage: smoke.py https://app.example --key-env VIGIE_SMOKE_KEY [--version 0.1.0] [--wait 600]

The key needs the scope `predict` alone. Nothing but Python is needed. What it leaves behind is one prediction of one
sentence and the verdict "correct" on it, both under the name of its key. `--api ''` talks to an API without a gateway.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

TEXT = "Smoke test: the crew was kind and we landed on time."


class SmokeError(Exception):
    """What does not work, in a sentence."""


class Answer(NamedTuple):
    """Status and, where it was JSON, the body."""

    status: int
    body: Any


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect to a sign-in page is an answer."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Target:
    """One address of Vigie. `api` is the path under which the gateway publishes the API; empty: there is no gateway."""

    url: str
    key: str | None = None
    api: str = "/api"
    version: str | None = None
    wait_s: float = 600.0


def check(target: Target, say: Callable[[str], None]) -> None:
    """Raise SmokeError at the first thing that does not work."""
    api = target.url.rstrip("/") + target.api
    model = _await_ready(api, target.wait_s)
    say(f"ready: model version {model}")
    running = _expect(_ask(f"{api}/"), 200, "the API's first page")["version"]
    if target.version and running != target.version:
        raise SmokeError(f"version {running} of the API runs, not {target.version}")
    say(f"version {running}")
    judged = _expect(_ask(f"{api}/v1/predict", {"text": TEXT}, target.key), 200, "a prediction")
    if judged["sentiment"] not in ("positive", "negative"):
        raise SmokeError(f"the prediction says neither positive nor negative, but {judged['sentiment']!r}")
    say(f"prediction: {judged['sentiment']}, model version {judged['model']['version']}")
    verdict = {"prediction_id": judged["id"], "verdict": "correct", "comment": "smoke test"}
    _expect(_ask(f"{api}/v1/feedback", verdict, target.key), 201, "a verdict")
    say("verdict: taken")
    if target.api:
        _page(target.url.rstrip("/"))
        say("page: answers")
        if _ask(f"{api}/metrics").status != 404:
            raise SmokeError("the gateway publishes the measurements, which are for the inside")


def _await_ready(api: str, wait_s: float) -> str:
    """Give the model version once the API is ready; it says 503 while it starts, the platform says other things."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            answer = _ask(f"{api}/readyz")
        except SmokeError as error:
            said = str(error)
        else:
            # A verdict needs the database too.
            if answer.status == 200 and isinstance(answer.body, dict) and answer.body["database"]:
                return str(answer.body["model_version"])
            said = f"{api}/readyz answers {answer.status}"
            if answer.status == 200:
                said += ", but the database is not ready"
        if time.monotonic() >= deadline:
            raise SmokeError(f"not ready within {wait_s:.0f} s: {said}")
        time.sleep(min(5.0, max(0.05, wait_s / 20)))


def _page(url: str) -> None:
    if _ask(f"{url}/healthz").status != 200:
        raise SmokeError("the gateway does not answer at /healthz")
    # 302 or 401: App Service asks who is there, which is as it should be.
    status = _ask(f"{url}/").status
    if status not in (200, 302, 401):
        raise SmokeError(f"the page answers {status}")


def _expect(answer: Answer, status: int, what: str) -> Any:
    if answer.status != status:
        detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
        raise SmokeError(f"{what}: {answer.status} instead of {status}{f', {detail}' if detail else ''}")
    if not isinstance(answer.body, dict):
        raise SmokeError(f"{what}: the answer is no JSON object")
    return answer.body


def _ask(url: str, body: object = None, key: str | None = None) -> Answer:
    headers = {"Accept": "application/json", "User-Agent": "vigie-smoke"}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=30) as response:
            return Answer(response.status, _json(response.read()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, _json(error.read()))
    except (OSError, ValueError) as error:
        raise SmokeError(f"{url} does not answer: {error}") from None


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def main() -> int:
    """Exit 0: all of it works; 1: the first thing that does not is on stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="address of the gateway, such as https://vigie.example.org")
    parser.add_argument("--key-env", default="VIGIE_SMOKE_KEY", help="variable that holds the API key")
    parser.add_argument("--api", default="/api", help="path of the API; empty: there is no gateway")
    parser.add_argument("--version", help="the version of the API that must run")
    parser.add_argument("--wait", type=float, default=600.0, help="seconds until it must be ready")
    options = parser.parse_args()
    target = Target(options.url, os.environ.get(options.key_env), options.api, options.version, options.wait)
    try:
        check(target, lambda line: print(f"smoke: {line}", flush=True))
    except SmokeError as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
