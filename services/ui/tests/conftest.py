"""A small real server that speaks the API's protocol, and the page run by Streamlit's own test runner."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from vigie_ui.server import SCRIPT


@dataclass
class SmallApi:
    """Answers predict and feedback; a test changes `refusal`, `score` or `language` to change the answers."""

    score: float = 0.04
    uncertain: bool = False
    language: str = "en"
    refusal: tuple[int, dict[str, str], bytes] | None = None
    requests: list[tuple[str, dict[str, Any], str | None]] = field(default_factory=list)
    url: str = ""

    def problem(self, status: int, slug: str = "bad-request", errors: Any = None, **headers: str) -> None:
        body: dict[str, Any] = {
            "type": f"urn:vigie:problem:{slug}",
            "title": "Problem",
            "status": status,
            "request_id": "req-42",
        }
        if errors is not None:
            body["errors"] = errors
        self.refusal = (status, {"Content-Type": "application/problem+json", **headers}, json.dumps(body).encode())

    def sent(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body, _ in self.requests if asked == path]

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/v1/feedback":
            wrong = body["verdict"] == "wrong"
            return 201, {
                "id": str(uuid4()),
                "prediction_id": body["prediction_id"],
                "verdict": body["verdict"],
                "correction": body.get("correction") if wrong else None,
                "received_at": "2026-11-02T10:00:00Z",
            }
        return 200, {
            "id": str(uuid4()),
            "sentiment": "positive" if self.score >= 0.5 else "negative",
            "score": self.score,
            "confidence": max(self.score, 1 - self.score),
            "uncertain": self.uncertain,
            "language": self.language,
            "model": {"name": "sentiment", "version": "3", "recipe": "tfidf_logreg"},
            "a_key_of_tomorrow": True,
        }


def _handler(api: SmallApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            api.requests.append((self.path, body, self.headers.get("Authorization")))
            if api.refusal is None:
                status, document = api.answer(self.path, body)
                self._send(status, {"Content-Type": "application/json"}, json.dumps(document).encode())
            else:
                self._send(*api.refusal)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing on the test's output."""

    return Handler


@pytest.fixture
def api() -> Iterator[SmallApi]:
    small = SmallApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(small))
    server.daemon_threads = True
    small.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield small
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def page(api: SmallApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    yield AppTest.from_file(str(SCRIPT), default_timeout=20).run()
    st.cache_resource.clear()
