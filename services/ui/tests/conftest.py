"""A small real server that speaks the API's protocol, and the page run by Streamlit's own test runner."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from vigie_ui import shell, views
from vigie_ui.server import SCRIPT


@dataclass
class SmallApi:
    """Answers predict and feedback; a test changes `refusal`, `score` or `language` to change the answers."""

    score: float = 0.04
    uncertain: bool = False
    language: str = "en"
    refusal: tuple[int, dict[str, str], bytes] | None = None
    models: list[dict[str, Any]] = field(default_factory=list)
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

    def explained(self, body: dict[str, Any]) -> dict[str, Any]:
        """Every word that ends in an exclamation mark pulls to positive, every other to negative."""
        tokens = [
            {"text": run.group(), "start": run.start(), "end": run.end(), "contribution": weight}
            for number, run in enumerate(re.finditer(r"\S+", body["text"]), start=1)
            for weight in [(1 if run.group().endswith("!") else -1) * number / 2]
        ]
        return {
            "prediction": self.judged(),
            "method": "linear",
            "base": 0.1,
            "tokens": tokens,
            "model": {"name": "sentiment", "version": body["model_version"], "recipe": "tfidf_logreg"},
        }

    def judged(self) -> dict[str, Any]:
        return {
            "sentiment": "positive" if self.score >= 0.5 else "negative",
            "score": self.score,
            "confidence": max(self.score, 1 - self.score),
            "uncertain": self.uncertain,
            "language": self.language,
        }

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/v1/models":
            return 200, {"models": self.models}
        if path == "/v1/explain":
            return 200, self.explained(body)
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
            **self.judged(),
            "model": {"name": "sentiment", "version": "3", "recipe": "tfidf_logreg"},
            "a_key_of_tomorrow": True,
        }


def _handler(api: SmallApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, body: dict[str, Any]) -> None:
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


def version(number: str, recipe: str, accuracy: float | None, *aliases: str, **more: Any) -> dict[str, Any]:
    """A version as the API lists it; `gate=""`: never judged."""
    metrics = {} if accuracy is None else {"accuracy": accuracy, "support_negative": 1609, "support_positive": 1591}
    return {
        "version": number,
        "recipe": recipe,
        "run_id": "r",
        "created_at": "2026-11-02T10:00:00Z",
        "aliases": aliases,
        "gate": "passed: TWEET; 0042",
        "metrics": metrics,
        "evidence_complete": True,
        **more,
    }


def evidence(passed: int = 11) -> dict[str, Any]:
    """What a run leaves behind."""
    kept = {"passed": passed, "total": 12, "needed": 0.9, "kept": passed > 10, "decides": True, "failures": ["TWEET"]}
    rates = [step / 20 for step in range(21)]
    names = ("loads", "digest", "latency", "size", "behaviour_plain_en", "accuracy", "roc_auc")
    return {
        "confusion_matrix": [[1340, 269], [288, 1303]],
        "roc": {"false_positive_rate": rates, "true_positive_rate": [rate**0.3 for rate in rates]},
        "gate_checks": [{"name": name, "passed": name != "size" or passed > 10, "detail": "TWEET"} for name in names],
        "behaviour": {
            name: {"en": kept, "fr": kept}
            for name in ("plain", "airline", "name", "link", "typo", "negation", "intensifier")
        },
    }


@pytest.fixture
def some_models(api: SmallApi) -> SmallApi:
    """An API with a champion, a candidate, a previous one, one that the gate refused, and one that it never saw."""
    api.models = [
        version("5", "tfidf_rf", 0.73, gate="failed: TWEET", **evidence(passed=7)),
        version("4", "ensemble", 0.8369, "challenger", **evidence()),
        version("3", "bert", 0.8197, "champion", **evidence()),
        version("2", "tfidf_logreg", 0.7722, "previous"),
        version("1", "use_mlp", None, gate=""),
    ]
    for model in api.models[:3]:
        model["metrics"]["roc_auc"] = 0.91
    return api


@pytest.fixture
def models_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page Models is the one that the address without a path opens."""
    pages = [replace(page, default=page.path == "models") for page in views.all_pages()]
    monkeypatch.setattr(shell, "all_pages", lambda: pages)


@pytest.fixture
def page(api: SmallApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    yield AppTest.from_file(str(SCRIPT), default_timeout=20).run()
    st.cache_resource.clear()
