"""One origin: the page, the API and MLflow, each with its own lock on the door."""

from __future__ import annotations

import contextlib
import json

import httpx
import pytest

from .conftest import wait_until

pytestmark = pytest.mark.e2e

EXPERIMENTS = "/mlflow/api/2.0/mlflow/experiments/search?max_results=10"


def test_the_page_comes_with_headers_that_protect_it(stack):
    answer = httpx.get(stack.url)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers  # it came without TLS
    behind_tls = httpx.get(stack.url, headers={"X-Forwarded-Proto": "https"})
    assert behind_tls.headers["strict-transport-security"] == "max-age=31536000"


def test_the_page_gives_no_cookie_that_opens_anything(stack):
    with httpx.Client(base_url=stack.url) as browser:
        for path in ("/", "/_stcore/health", "/mlflow/"):
            browser.get(path)
        answers = [browser.get(path) for path in ("/api/v1/alerts", EXPERIMENTS)]

    assert [answer.status_code for answer in answers] == [401, 401]


def test_the_api_refuses_a_missing_or_wrong_key(stack):
    for headers in ({}, {"Authorization": "Bearer vigie_wrong"}):
        answer = httpx.post(f"{stack.url}/api/v1/predict", json={"text": "Hello"}, headers=headers)

        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 401


def test_the_pages_key_opens_no_administration(stack):
    with stack.api("ui") as page:
        answer = page.post("/v1/models/rollback", json={"reason": "because"})

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/api/metrics", "/api/metrics/", "/api//metrics", "/api/v1/../metrics"])
def test_metrics_are_not_published(stack, path):
    answer = httpx.get(stack.url + path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_over_5_mb_is_refused_before_it_reaches_the_api(stack, api):
    answer = api.post("/v1/predict", content=b"x" * 5_500_000, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_large_body_to_the_page_is_refused_and_does_not_wait_in_the_gateways_memory(stack):
    restarts = stack.inspect("gateway")["RestartCount"]
    for body in (b"x" * 150_000_000, iter([b"x" * 1_000_000] * 150)):
        # Refused so early that the client is still sending: of the answer the head may come, and no more is sure to.
        early = contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)
        with early, httpx.stream("POST", stack.url, content=body, timeout=60) as answer:
            assert answer.status_code in {405, 413}  # the page takes no POST

    assert httpx.get(f"{stack.url}/healthz").status_code == 200
    assert stack.inspect("gateway")["RestartCount"] == restarts


def test_a_stream_of_any_length_passes_whole_though_nobody_reads_while_it_is_sent(stack):
    row = b'{"text": "Merci, vol parfait ! ' + b"On y retourne. " * 5 + b'"}\n'

    def sent():
        for _ in range(50):  # 11 MB, where the other routes take 5, faster than they are judged
            yield row * 2_000

    headers = {"Authorization": f"Bearer {stack.secrets['VIGIE_KEY_ADMIN']}", "Content-Type": "application/x-ndjson"}
    with httpx.stream("POST", f"{stack.url}/api/v1/score", content=sent(), headers=headers, timeout=120) as answer:
        assert answer.status_code == 200
        rows = [json.loads(line) for line in answer.iter_lines()]

    last = rows.pop()
    assert (last["done"], last["rows"], last["scored"]) == (True, 100_000, 100_000)
    assert [line["row"] for line in rows] == list(range(1, 100_001))


def test_mlflow_asks_who_is_there(stack):
    admin = ("admin", stack.secrets["MLFLOW_ADMIN_PASSWORD"])

    assert httpx.get(f"{stack.url}/mlflow", follow_redirects=False).headers["location"] == "/mlflow/"
    assert httpx.get(f"{stack.url}/mlflow/").status_code == 401
    assert httpx.get(stack.url + EXPERIMENTS, auth=("admin", "wrong-password")).status_code == 401
    assert "<title>MLflow</title>" in httpx.get(f"{stack.url}/mlflow/", auth=admin).text
    found = httpx.get(stack.url + EXPERIMENTS, auth=admin).json()["experiments"]
    assert "vigie" in {experiment["name"] for experiment in found}


def test_mlflow_answers_to_its_own_names_only(stack):
    admin = ("admin", stack.secrets["MLFLOW_ADMIN_PASSWORD"])

    assert httpx.get(stack.url + EXPERIMENTS, auth=admin, headers={"Host": "evil.example"}).status_code == 403


def test_while_a_service_is_away_its_users_are_told_so(stack):
    stack.compose("stop", "ui", "api")
    try:
        page = httpx.get(stack.url)
        call = httpx.post(f"{stack.url}/api/v1/predict", json={"text": "Hello"})
    finally:
        stack.compose("start", "api", "ui")
    wait_until("page and API are back", stack.ready)

    assert page.status_code == 503
    assert 'lang="fr"' in page.text
    assert 'lang="en"' in page.text
    assert 'http-equiv="refresh"' in page.text
    assert call.status_code == 503
    assert call.headers["retry-after"] == "5"
    assert call.headers["content-type"] == "application/problem+json"
