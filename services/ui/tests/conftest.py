"""A small real server that speaks the API's protocol, and the page run by Streamlit's own test runner."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from vigie_ui import shell, views
from vigie_ui.server import SCRIPT

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


def item(number: int, **more: Any) -> dict[str, Any]:
    """A verdict to check as the API lists it: every odd one negative."""
    score = 0.42 if number % 2 else 0.61
    return {
        "prediction_id": f"p{number}",
        "text": f"TWEET 00{number}",
        "sentiment": "negative" if number % 2 else "positive",
        "score": score,
        "confidence": max(score, 1 - score),
        "uncertain": True,
        "language": "fr" if number % 2 else "en",
        "model_version": "3",
        "predicted_at": "2026-11-02T10:00:00Z",
        "reasons": ["uncertain"],
        "priority": 1 / number,
        "copies": 1,
        "challenger": None,
        "disputes": 0,
        **more,
    }


def alert(number: int, **more: Any) -> dict[str, Any]:
    """An alert as the API lists it."""
    wrong = {
        "feedback_id": "f1",
        "prediction_id": "p1",
        "text": "TWEET",
        "sentiment": "negative",
        "correction": "positive",
        "model_version": "3",
        "received_at": "2026-11-02T10:00:00Z",
        "taken_back": False,
    }
    email = {"step": "opened", "state": "sent", "attempts": 1, "sent_at": "2026-11-02T10:00:02Z", "message_id": "<1@x>"}
    return {
        "id": f"019ab3c1-5f6e-7b32-9d0a-{number:012d}",
        "kind": "misprediction",
        "state": "open",
        "opened_at": "2026-11-02T10:00:00Z",
        "updated_at": "2026-11-02T10:00:00Z",
        "model_version": "3",
        "count": 3,
        "evidence": {"window_s": 300.0, "verdicts": [wrong, {**wrong, "taken_back": True}, {**wrong, "text": None}]},
        "emails": [email],
        "acknowledged_at": None,
        "acknowledged_by": None,
        "note": None,
        **more,
    }


@pytest.fixture
def some_live(some_models: SmallApi) -> SmallApi:
    """The same API with something to check, alerts, a trial, drift and moves."""
    challenger = {"version": "4", "sentiment": "positive", "score": 0.72}
    reasons = ["uncertain", "disagreement", "disputed"]
    some_models.items = [item(1, challenger=challenger, copies=12, reasons=reasons), item(2, reasons=[])]
    example = {"prediction_id": "p1", "text": "TWEET", "sentiment": "positive", "correction": "negative"}
    term = {"term": "TWEET", "language": "fr", "wrong": 3, "judged": 4, "lift": 1.0, "examples": [example]}
    by_language = [{"language": code, "judged": 9, "wrong": 3} for code in ("fr", "en", "und")]
    some_models.patterns = {"judged": 27, "wrong": 9, "by_language": by_language, "terms": [term]}
    measures = [{"name": "vocabulary", "value": 0.31, "threshold": 0.25}, {"name": "score", "value": 0.31}]
    failed = {"step": "opened", "state": "failed", "attempts": 9, "sent_at": None, "message_id": "<1@x>"}
    some_models.alerts = [
        alert(1),
        alert(2, kind="drift", evidence={"day": "2026-11-21", "measures": measures}, emails=[failed]),
        alert(3, kind="surge", emails=[]),
    ]
    latency = {"p50": 2.1, "p95": 4.0}
    some_models.shadow = {
        "version": "4",
        "recipe": "ensemble",
        "since": "2026-11-02T10:00:00Z",
        "sample": 0.1,
        "scored": 1843,
        "agreement": 0.934,
        "mean_shift": -0.021,
        "latency_ms": {"champion": latency, "challenger": latency},
        "dropped": 3,
        "error": None,
    }
    states = ("ok", "warning", "alert", "few")
    some_models.drift["reference"] = True
    some_models.drift["days"] = [
        {
            "day": f"2026-11-2{number}",
            "predictions": 2000,
            "state": state,
            "measures": [{"name": "length", "statistic": "psi", "value": 0.2, "state": state}],
        }
        for number, state in enumerate(states)
    ]
    move = {"at": "2026-11-02T10:00:00Z", "version": "3", "recipe": "bert", "previous": "2", "by": "TWEET"}
    some_models.moves = [{**move, "action": action, "reason": "TWEET"} for action in ("promote", "rollback")]
    return some_models


def mention(number: int, **more: Any) -> dict[str, Any]:
    """A post as the API lists it: every odd one negative."""
    odd = number % 2 == 1
    return {
        "id": f"019ab3c1-5f6e-7b32-9d0a-{number:012d}",
        "source": "x",
        "external_id": str(number),
        "topic": "TWEET",
        "created_at": "2026-11-02T10:00:00Z",
        "received_at": "2026-11-02T10:00:01Z",
        "text": f"TWEET 00{number}",
        "url": f"https://example.org/{number}",
        "reach": 1200,
        "sentiment": "negative" if odd else "positive",
        "score": 0.1 if odd else 0.9,
        "confidence": 0.9,
        "uncertain": False,
        "language": "fr",
        "model_version": "3",
        "counted": True,
        "verdict": None,
        "correction": None,
        **more,
    }


def topic(name: str = "TWEET", state: str = "serious", **more: Any) -> dict[str, Any]:
    """A topic as the API lists it."""
    return {
        "topic": name,
        "state": state,
        "episode_id": None,
        "posts_24h": 240,
        "negatives_24h": 60,
        "share_24h": 0.25,
        "last_hour": {"posts": 40, "negatives": 31, "expected": None if state == "learning" else 3.4},
        "last_post_at": "2026-11-02T10:00:00Z",
        "sources": ["x", "bluesky"],
        **more,
    }


def trends(hours: int, *, expected: bool = True, **more: Any) -> dict[str, Any]:
    """A period as the API tells it: one negative every hour, nine in the last one."""
    known = {"expected": 2.0, "low": 0, "high": 5} if expected else {}
    buckets = [
        {
            "at": f"2026-11-02T{hour:02d}:00:00Z",
            "posts": 10,
            "negatives": 9 if hour == hours - 1 else 1,
            "share": 0.9 if hour == hours - 1 else 0.1,
            **known,
        }
        for hour in range(hours)
    ]
    period = {"step_s": 3600, "since": "2026-11-02T00:00:00Z", "until": f"2026-11-02T{hours:02d}:00:00Z"}
    return {**period, "buckets": buckets, "episodes": [], "terms": [], **more}


def episode(number: int, state: str = "open", **more: Any) -> dict[str, Any]:
    """An episode as the API lists it."""
    return {
        "id": f"019ab3c1-5f6e-7b32-9d0a-{900 + number:012d}",
        "topic": "TWEET",
        "state": state,
        "severity": "serious",
        "onset_at": "2026-11-02T08:00:00Z",
        "opened_at": "2026-11-02T08:20:00Z",
        "escalated_at": "2026-11-02T09:00:00Z",
        "closed_at": "2026-11-02T09:30:00Z" if state == "closed" else None,
        "updated_at": "2026-11-02T09:30:00Z",
        "negatives": 124,
        "posts": 200,
        "expected": 18.2,
        "ratio": 6.8,
        "share": 0.62,
        "reach": 120000,
        "terms": [{"term": "TWEET", "count": 34, "lift": 3.1}],
        "alert_id": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "assignee": None,
        "note": None,
        "false_alarm": False,
        **more,
    }


@pytest.fixture
def some_watch(api: SmallApi) -> SmallApi:
    """An API that watches two topics, one of them in trouble, with posts and episodes, open and over."""
    running = episode(1)
    api.topics = [topic(episode_id=running["id"]), topic("TWEET 2", "learning")]
    api.episodes = [running, episode(2, severity="critical"), episode(3, "closed", false_alarm=True)]
    unread = {"sentiment": None, "confidence": None, "uncertain": None, "counted": None}
    odd = [mention(1), mention(2, counted=False, uncertain=True), mention(3, text=None), mention(4, **unread)]
    api.mentions = [*odd, *(mention(number) for number in range(5, 31))]
    marks = [{name: running[name] for name in ("id", "topic", "onset_at", "opened_at", "closed_at", "severity")}]
    api.trends = trends(10, episodes=marks, terms=[{"term": "TWEET", "count": 12, "lift": 2.0}])
    return api


@pytest.fixture
def first_page(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the address without a path open the page of this path."""

    def choose(path: str) -> None:
        pages = [replace(page, default=page.path == path) for page in views.all_pages()]
        monkeypatch.setattr(shell, "all_pages", lambda: pages)

    return choose


@pytest.fixture
def models_first(first_page: Callable[[str], None]) -> None:
    """The page Models is the one that the address without a path opens."""
    first_page("models")


@pytest.fixture
def open_page(
    api: SmallApi, first_page: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AppTest]]:
    """Opens one page; what the API knows is set up before."""
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)

    def opened(path: str, language: str = "fr", **asked: str) -> AppTest:
        first_page(path)
        page = AppTest.from_file(str(SCRIPT), default_timeout=30)
        for name, value in {"lang": language, **asked}.items():
            page.query_params[name] = value
        return page.run()

    yield opened
    st.cache_resource.clear()


@pytest.fixture
def page(api: SmallApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("VIGIE_UI_API_URL", api.url)
    yield AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    st.cache_resource.clear()
