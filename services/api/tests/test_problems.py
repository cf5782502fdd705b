"""Every error has one shape, a request id, and nothing of the inside."""

import logging

import pytest

from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio
FIELDS = {"type", "title", "status", "detail", "instance", "request_id"}
JSON = {"content-type": "application/json"}


def _check(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) - {"errors"} == FIELDS
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


async def test_an_unknown_address_is_404(api):
    assert _check(await api.client.get("/v9/none"), 404)["instance"] == "/v9/none"


async def test_a_trailing_slash_is_another_address(api):
    _check(await api.client.post("/v1/predict/", json={"text": "a"}), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/predict", "POST"),
        ("DELETE", "/v1/feedback", "GET, POST"),
        ("POST", "/livez", "GET"),
        ("TRACE", "/v1/model", "GET"),
    ],
)
async def test_another_method_is_405_and_names_the_right_ones(api, method, path, allowed):
    answer = await api.client.request(method, path)
    _check(answer, 405)
    assert answer.headers["allow"] == allowed


async def test_a_declared_body_over_the_limit_is_413_before_it_is_read(api):
    _check(await api.client.post("/v1/predict", content=b" " * 1_000_001, headers=JSON), 413)


async def test_a_chunked_body_over_the_limit_is_413_when_it_passes_the_limit(api):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 100_000
            yield b" " * 100_000

    _check(await api.client.post("/v1/predict", content=endless(), headers=JSON), 413)
    assert sent <= 1_200_000


async def test_a_chunked_body_within_the_limit_is_taken(api):
    async def parts():
        yield b'{"text": '
        yield b'"merci"}'

    assert (await api.client.post("/v1/predict", content=parts(), headers=JSON)).status_code == 200


async def test_a_body_of_exactly_the_limit_is_taken(running, settings):
    async with running(settings.model_copy(update={"max_body_bytes": 1_000})) as api:
        body = b'{"text": "a"}'.ljust(1_000)
        assert (await api.client.post("/v1/predict", content=body, headers=JSON)).status_code == 200
        _check(await api.client.post("/v1/predict", content=body + b" ", headers=JSON), 413)


async def test_a_length_that_is_no_number_is_413(api):
    headers = JSON | {"content-length": "-1"}
    _check(await api.client.post("/v1/predict", content=b"{}", headers=headers), 413)


async def test_the_unexpected_is_500_and_says_nothing_of_the_inside(api, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret of the inside: tweet text")

    monkeypatch.setattr(api.services.predictor, "one", fail)
    with caplog.at_level(logging.ERROR):
        answer = await api.client.post("/v1/predict", json={"text": "a"})
    body = _check(answer, 500)
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert any(record.request_id == body["request_id"] for record in caplog.records if hasattr(record, "request_id"))


async def test_an_error_after_the_answer_began_cuts_it(running, settings, monkeypatch):
    from vigie_api.problem import InvalidRequest

    for error in (RuntimeError("late"), InvalidRequest([{"loc": ["x"], "message": "late", "type": "late"}])):

        async def broken(*_asked, error=error):
            async def lines():
                yield b"{}\n"
                raise error

            return lines()

        monkeypatch.setattr("vigie_api.feedback.routes.export", broken)
        async with running(settings) as api:
            api.client._transport.raise_app_exceptions = True
            with pytest.raises(Exception, match=r"late|Caught handled"):
                await api.client.get("/v1/feedback", headers={"accept": "application/x-ndjson"})


async def test_a_client_that_leaves_before_its_request_is_whole_is_no_error(api, caplog):
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": headers, "query_string": b""}
    await api.app(scope, receive, send)
    assert sent == []
    assert not caplog.records
    assert 'route="/v1/predict",status="499"' in (await api.client.get("/metrics")).text


async def test_a_request_id_is_taken_when_sound_and_made_otherwise(api):
    given = await api.client.get("/livez", headers={"x-request-id": "trace-42.a_b"})
    assert given.headers["x-request-id"] == "trace-42.a_b"
    for bad in ("", "a b", "a" * 65, "é".encode(), b"<script>"):
        made = await api.client.get("/livez", headers={"x-request-id": bad})
        assert len(made.headers["x-request-id"]) == 32
    ids = {(await api.client.get("/livez")).headers["x-request-id"] for _ in range(300)}
    assert len(ids) == 300


async def test_a_gateway_prefix_shows_in_the_links(running, settings):
    async with running(Settings(**settings.model_dump() | {"root_path": "/api"})) as api:
        assert (await api.client.get("/")).json()["docs"] == "/api/docs"
        assert (await api.client.post("/v1/predict", json={"text": "a"})).status_code == 200
        assert (await api.client.get("/openapi.json")).json()["servers"] == [{"url": "/api"}]
