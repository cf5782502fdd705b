"""A challenger is promoted through the API, once, with the reason; without one nothing happens."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from vigie_api.champion.schema import AliasTarget, Moved

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "promote_challenger.py"
MOVED = Moved(
    champion=AliasTarget(name="sentiment", version="8", recipe="tfidf_logreg"),
    previous=AliasTarget(name="sentiment", version="7", recipe="tfidf_logreg"),
    serving="8",
    refresh_error=None,
)


class Api:
    """The two routes that matter, and what was asked of them."""

    def __init__(self) -> None:
        self.models = [{"version": "8", "aliases": ["challenger"]}, {"version": "7", "aliases": ["champion"]}]
        self.status = 200
        self.moves: list[tuple[str, Any, str]] = []


@pytest.fixture
def api() -> Iterator[tuple[Api, str]]:
    state = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, {"models": state.models})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.moves.append((self.path, body, self.headers["Authorization"]))
            refused = {"detail": "The gate of version 8 did not pass."}
            self._say(state.status, json.loads(MOVED.model_dump_json()) if state.status == 200 else refused)

        def _say(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield state, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def promote(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, url, "--reason", "approved"],
        env=os.environ | {"VIGIE_KEY_ADMIN": "vigie_admin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_challenger_becomes_champion_with_the_reason(api: tuple[Api, str]) -> None:
    state, url = api

    done = promote(url)

    assert done.returncode == 0, done.stderr
    assert state.moves == [("/v1/models/8/promote", {"reason": "approved"}, "Bearer vigie_admin")]
    assert "Version 8 (tfidf_logreg) is champion; before: 7." in done.stdout
    assert "vigie_admin" not in done.stdout + done.stderr


@pytest.mark.parametrize("aliases", [[], ["champion", "challenger"]])
def test_without_a_challenger_nothing_happens(api: tuple[Api, str], aliases: list[str]) -> None:
    state, url = api
    state.models = [{"version": "8", "aliases": aliases}]

    done = promote(url)

    assert done.returncode == 0
    assert "nothing to promote" in done.stdout
    assert not state.moves


def test_a_refusal_is_said_in_the_apis_words(api: tuple[Api, str]) -> None:
    state, url = api
    state.status = 409

    done = promote(url)

    assert done.returncode == 1
    assert "409: The gate of version 8 did not pass." in done.stderr


def test_an_api_that_is_away_is_an_error() -> None:
    done = promote("http://127.0.0.1:1")

    assert done.returncode == 1
    assert "does not answer" in done.stderr
