"""Keys and scopes on every route of the OpenAPI document, so that a new route cannot forget its own."""

import contextlib
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.access.api_key import ApiKey
from vigie_api.access.keys import SCOPES, Keyring, Unauthorized, new_key
from vigie_api.access.rate import RateLimit, RateLimited
from vigie_api.access.route import EXTENSION, GuardedRoute, JsonRoute
from vigie_api.app import create_app
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio

PUBLIC = {
    "/livez",
    "/readyz",
    "/metrics",
    "/",
    "/ping",
    "/health",
    "/version",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/{model_name}",
    "/v2/models/{model_name}/ready",
    "/v2/models/{model_name}/versions/{version}",
    "/v2/models/{model_name}/versions/{version}/ready",
}
DECLARED = {
    ("POST", "/v1/predict"): "predict",
    ("POST", "/v1/predict/batch"): "predict",
    ("POST", "/v1/score"): "predict",
    ("POST", "/v1/explain"): "predict",
    ("POST", "/v1/feedback"): "predict",
    ("GET", "/v1/model"): "predict",
    ("GET", "/v1/feedback"): "review",
    ("POST", "/v1/model/refresh"): "admin",
    ("POST", "/v1/mentions"): "ingest",
    ("GET", "/v1/mentions"): "review",
    ("GET", "/v1/topics"): "review",
    ("GET", "/v1/trends"): "review",
    ("GET", "/v1/episodes"): "review",
    ("GET", "/v1/episodes/{episode_id}"): "review",
    ("PATCH", "/v1/episodes/{episode_id}"): "review",
    ("GET", "/v1/episodes/{episode_id}/report"): "review",
    ("GET", "/v1/connectors"): "review",
    ("GET", "/v1/models"): "review",
    ("GET", "/v1/models/moves"): "review",
    ("GET", "/v1/predictions"): "review",
    ("GET", "/v1/drift"): "review",
    ("GET", "/v1/review"): "review",
    ("GET", "/v1/review/patterns"): "review",
    ("GET", "/v1/alerts"): "review",
    ("GET", "/v1/alerts/{alert_id}"): "review",
    ("POST", "/v1/alerts/{alert_id}/ack"): "review",
    ("POST", "/v1/models/{version}/promote"): "admin",
    ("POST", "/v1/models/rollback"): "admin",
    ("POST", "/invocations"): "predict",
    ("POST", "/v2/models/{model_name}/infer"): "predict",
    ("POST", "/v2/models/{model_name}/versions/{version}/infer"): "predict",
}


def _operations():
    document = create_app(Settings()).openapi()
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


GUARDED = [(method, path, operation) for method, path, operation in _operations() if path not in PUBLIC]
IDS = [f"{method} {path}" for method, path, _ in GUARDED]


def _key(name, *scopes, secret=None):
    return ApiKey(name=name, scopes=frozenset(scopes), sha256=hashlib.sha256((secret or name).encode()).hexdigest())


def _filled(path):
    return path.replace("{version}", "1").replace("{model_name}", "sentiment")


def _bearer(secret):
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
async def locked(running, settings):
    """An application with one key a scope; each key's secret is the scope's name."""
    keys = tuple(_key(scope, scope) for scope in sorted(SCOPES))
    async with running(settings.model_copy(update={"keys": keys})) as started:
        yield started


def test_every_route_declares_the_scope_that_the_contract_names():
    declared = {(method, path): operation.get(EXTENSION) for method, path, operation in GUARDED}
    assert declared == DECLARED
    assert all(operation["security"] == [{"apiKey": []}] for _, _, operation in GUARDED)


@pytest.mark.parametrize(("method", "path", "operation"), GUARDED, ids=IDS)
async def test_without_a_known_key_every_route_is_401_before_it_reads_anything(locked, method, path, operation):
    path = _filled(path)
    for headers in (
        {},
        _bearer("nobody"),
        _bearer(""),
        {"authorization": "Basic predict"},
        {"authorization": "predict"},
    ):
        answer = await locked.client.request(method, path, headers=headers, content=b"{not even JSON")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path", "operation"), GUARDED, ids=IDS)
async def test_a_key_without_the_scope_is_403_on_every_route(locked, method, path, operation):
    path = _filled(path)
    for scope in SCOPES - {operation[EXTENSION]}:
        answer = await locked.client.request(method, path, headers=_bearer(scope), content=b"{")
        assert answer.status_code == 403, scope
        assert operation[EXTENSION] in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path", "operation"), GUARDED, ids=IDS)
async def test_a_key_with_the_scope_passes_the_door(locked, method, path, operation):
    path = _filled(path)
    answer = await locked.client.request(method, path, headers=_bearer(operation[EXTENSION]))
    assert answer.status_code not in (401, 403)


@pytest.mark.parametrize("path", sorted(PUBLIC))
async def test_probes_need_no_key(locked, path):
    assert (await locked.client.get(_filled(path))).status_code == 200


async def test_the_scheme_is_read_whatever_its_case(locked):
    answer = await locked.client.get("/v1/model", headers={"authorization": "bearer predict"})
    assert answer.status_code == 200


def test_a_route_without_a_scope_cannot_be_declared():
    async def nobody() -> None: ...

    with pytest.raises(KeyError):
        GuardedRoute("/v1/open", nobody)


def test_a_json_route_without_a_body_cannot_be_declared():
    async def nothing() -> None: ...

    with pytest.raises(TypeError, match="no body"):
        JsonRoute("/v1/nothing", nothing, openapi_extra={EXTENSION: "predict"})


def test_a_new_key_is_let_in_by_its_entry_and_by_nothing_else():
    secret, entry = new_key("ui", ["predict", "review"])
    ring = Keyring([ApiKey(**json.loads(entry))])
    assert ring.identify(f"Bearer {secret}").scopes == {"predict", "review"}
    assert secret not in entry
    with pytest.raises(Unauthorized):
        ring.identify(f"Bearer {secret}x")


@pytest.mark.parametrize("secret", ["first", "last", "nobody"])
def test_a_key_is_compared_with_every_entry_whichever_it_is_and_in_constant_time(monkeypatch, secret):
    compared = []
    really = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda known, digest: compared.append(known) or really(known, digest))
    with contextlib.suppress(Unauthorized):
        Keyring([_key("first", "predict"), _key("middle", "predict"), _key("last", "predict")]).identify(
            f"Bearer {secret}"
        )
    assert len(compared) == 3


def test_an_unknown_key_never_shows_in_the_refusal():
    with pytest.raises(Unauthorized) as refused:
        Keyring([_key("a", "predict")]).identify("Bearer my-secret")
    assert "my-secret" not in str(refused.value)


async def test_a_key_that_asks_too_often_is_429_and_the_others_are_not(running, settings):
    keys = (_key("a", "predict"), _key("b", "predict"))
    async with running(settings.model_copy(update={"keys": keys, "rate_per_minute": 3})) as api:
        statuses = [
            (await api.client.post("/v1/predict", json={"text": "a"}, headers=_bearer("a"))).status_code
            for _ in range(4)
        ]
        assert statuses == [200, 200, 200, 429]
        refused = await api.client.get("/v1/model", headers=_bearer("a"))
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert (await api.client.get("/v1/model", headers=_bearer("b"))).status_code == 200


@given(st.integers(1, 600), st.lists(st.floats(0, 30), max_size=200))
def test_a_bucket_never_lets_more_through_than_a_burst_and_its_rate(per_minute, pauses_s):
    limit, now_s, passed = RateLimit(per_minute), 0.0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        try:
            limit.take("key", now_s)
            passed += 1
        except RateLimited as refused:
            wait_s = int(refused.headers["Retry-After"])
            assert 1 <= wait_s <= 60
    assert passed <= per_minute + now_s * per_minute / 60 + 1e-6


def test_waiting_as_long_as_retry_after_says_is_enough():
    limit = RateLimit(7)
    for _ in range(7):
        limit.take("key", 0.0)
    with pytest.raises(RateLimited) as refused:
        limit.take("key", 0.0)
    limit.take("key", float(refused.value.headers["Retry-After"]))


HERE = ["localhost", "localhost:8000", "127.0.0.1", "127.9.9.9:80", "[::1]:8000", "LOCALHOST"]
ELSEWHERE = ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "169.254.169.254"]
BROKEN = ["", "[", "[::1", "::1", "0.0.0.0:80", "null", "\xff"]


@pytest.mark.parametrize("host", HERE)
async def test_without_keys_this_machine_is_answered_under_its_own_names(api, host):
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        answer = await api.client.post("/v1/predict", json={"text": "a"}, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize("host", ELSEWHERE + BROKEN)
async def test_without_keys_no_page_of_another_site_is_answered_however_it_gets_here(api, host):
    rebound = {"host": host.encode("latin-1")}
    crossing = {"host": b"127.0.0.1:8000", "origin": b"https://" + host.encode("latin-1")}
    for headers in (rebound, crossing, crossing | {"origin": b"null"}):
        for method, path in (("GET", "/v1/feedback"), ("POST", "/v1/model/refresh"), ("POST", "/v1/alerts/x/ack")):
            answer = await api.client.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path)


async def test_with_keys_the_key_decides_and_the_name_does_not(locked):
    headers = _bearer("predict") | {"host": "vigie.example.org", "origin": "https://vigie.example.org"}
    assert (await locked.client.get("/v1/model", headers=headers)).status_code == 200


def test_no_rate_is_no_limit():
    limit = RateLimit(0)
    for _ in range(1_000):
        limit.take("key", 0.0)
