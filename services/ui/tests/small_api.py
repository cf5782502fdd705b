"""A small real server that speaks the API's protocol."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from .documents import trends

CSV = "\ufeffreceived_at,verdict,text\n2026-11-02T10:00:00Z,wrong,Perdu à Orly\n".encode()


@dataclass
class SmallApi:
    """Answers as the API does; a test changes `refusal`, `score`, `language` or what there is to change the answers.

    `refusing` limits the refusal to one path.
    """

    score: float = 0.04
    uncertain: bool = False
    language: str = "en"
    refusal: tuple[int, dict[str, str], bytes] | None = None
    refusing: str = ""
    models: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    patterns: dict[str, Any] = field(default_factory=lambda: {"judged": 0, "wrong": 0, "by_language": [], "terms": []})
    alerts: list[dict[str, Any]] = field(default_factory=list)
    shadow: dict[str, Any] | None = None
    moves: list[dict[str, Any]] = field(default_factory=list)
    drift: dict[str, Any] = field(
        default_factory=lambda: {"reference": False, "thresholds": {"warning": 0.1, "alert": 0.25}, "days": []}
    )
    topics: list[dict[str, Any]] = field(default_factory=list)
    trends: dict[str, Any] = field(default_factory=lambda: trends(0))
    mentions: list[dict[str, Any]] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    judged: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: list[tuple[str, dict[str, str]]] = field(default_factory=list)
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
            "prediction": self.thought(),
            "method": "linear",
            "base": 0.1,
            "tokens": tokens,
            "model": {"name": "sentiment", "version": body["model_version"], "recipe": "tfidf_logreg"},
        }

    def alerted(self, path: str, body: dict[str, Any], query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        named = next((one for one in self.alerts if f"/{one['id']}" in path), None)
        if path == "/v1/alerts":
            kept = [one for one in self.alerts if query.get("state") in (None, one["state"])]
            kept = [one for one in kept if query.get("kind") in (None, one["kind"])]
            count = int(query["limit"])
            following = "a1" if len(kept) > count else None
            still_open = sum(one["state"] == "open" for one in self.alerts)
            return 200, {"alerts": kept[:count], "open": still_open, "next_cursor": following}
        if named is None:
            return 404, {"type": "urn:vigie:problem:no-such-alert", "status": 404}
        if path.endswith("/ack") and named["state"] == "open":
            taken = {"acknowledged_at": "2026-11-02T10:05:00Z", "acknowledged_by": "TWEET", "note": body.get("note")}
            named.update(state="acknowledged", **taken)
        return 200, named

    def watched(self, path: str, body: dict[str, Any], query: dict[str, str]) -> tuple[int, Any]:
        """Topics, trends, posts and episodes; a body is a change of an episode."""
        if path == "/v1/topics":
            return 200, {"topics": self.topics, "at": "2026-11-02T10:00:00Z"}
        if path == "/v1/trends":
            return 200, self.trends
        if path == "/v1/mentions":
            kept = [one for one in self.mentions if query.get("sentiment") in (None, one["sentiment"])]
            start, count = int(query.get("cursor", 0)), int(query["limit"])
            following = str(start + count) if len(kept) > start + count else None
            return 200, {"mentions": kept[start : start + count], "next_cursor": following}
        if path == "/v1/episodes":
            over = query.get("state") == "closed"
            kept = [one for one in self.episodes if (one["state"] == "closed") is over]
            still_open = sum(one["state"] != "closed" for one in self.episodes)
            return 200, {"episodes": kept[: int(query["limit"])], "open": still_open, "next_cursor": None}
        named = next((one for one in self.episodes if f"/{one['id']}" in path), None)
        if named is None:
            return 404, {"type": "urn:vigie:problem:no-such-episode", "status": 404}
        if body.pop("acknowledged", False):
            named.update(acknowledged_at="2026-11-02T10:05:00Z", acknowledged_by="TWEET")
        named.update(body)
        posts = self.mentions[:2]
        return 200, {**named, "posts_first": posts, "posts_representative": posts}

    def thought(self) -> dict[str, Any]:
        return {
            "sentiment": "positive" if self.score >= 0.5 else "negative",
            "score": self.score,
            "confidence": max(self.score, 1 - self.score),
            "uncertain": self.uncertain,
            "language": self.language,
        }

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        query = self.queries[-1][1]
        if path == "/v1/models":
            return 200, {"models": self.models}
        if path == "/v1/model":
            return 200, {"version": "3", "recipe": "bert", "shadow": self.shadow}
        if path == "/v1/models/moves":
            return 200, {"moves": self.moves, "next_cursor": None}
        if path == "/v1/drift":
            return 200, self.drift
        if path.startswith("/v1/models/"):
            version = path.split("/")[3]
            return 200, {"serving": "2" if version == "rollback" else version, "refresh_error": None}
        if path == "/v1/review":
            left = [one for one in self.items if one["prediction_id"] not in self.judged]
            waiting = {"waiting": len(left), "judged_today": len(self.judged)}
            return 200, {"items": left[: int(query["limit"])], **waiting}
        if path == "/v1/review/patterns":
            return 200, self.patterns
        if path.startswith("/v1/alerts"):
            return self.alerted(path, body, query)
        if path.startswith(("/v1/topics", "/v1/trends", "/v1/mentions", "/v1/episodes")):
            return self.watched(path, dict(body), query)
        if path == "/v1/explain":
            return 200, self.explained(body)
        if path == "/v1/feedback":
            self.judged[body["prediction_id"]] = body
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
            **self.thought(),
            "model": {"name": "sentiment", "version": "3", "recipe": "tfidf_logreg"},
            "a_key_of_tomorrow": True,
        }


def _handler(api: SmallApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_PATCH(self) -> None:
            self.do_POST()

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, body: dict[str, Any]) -> None:
            path = urlsplit(self.path).path
            api.queries.append((path, dict(parse_qsl(urlsplit(self.path).query))))
            api.requests.append((path, body, self.headers.get("Authorization")))
            if api.refusal is not None and path.startswith(api.refusing):
                self._send(*api.refusal)
            elif path == "/v1/feedback" and self.command == "GET":
                self._send(200, {"Content-Type": "text/csv"}, CSV)
            elif path.endswith("/report"):
                self._send(200, {"Content-Type": "text/html"}, f"<h1>{api.queries[-1][1]['language']}</h1>".encode())
            else:
                status, document = api.answer(path, body)
                self._send(status, {"Content-Type": "application/json"}, json.dumps(document).encode())

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing on the test's output."""

    return Handler


@contextmanager
def serving() -> Iterator[SmallApi]:
    """One that answers on a free port, until the end of the block."""
    small = SmallApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(small))
    server.daemon_threads = True
    small.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield small
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
