"""The client against a small real server: every failure is one typed error."""

import socket

import httpx
import pytest

from vigie_ui.client import MAX_TEXT_CHARS, ApiError, Feedback, Reason, VigieClient

FEEDBACK = Feedback(prediction_id="p1", verdict="correct", text="t", sentiment="negative", model_version="3")


@pytest.fixture
def client(api):
    with VigieClient(api.url, api_key="k", timeout_s=5) as client:
        yield client


def reason_of(call, *arguments):
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    return caught.value


def test_a_key_travels_as_a_bearer_token(client, api):
    client.predict("hello")
    assert api.requests[0][2] == "Bearer k"


def test_a_key_added_to_the_answer_does_no_harm(client):
    assert client.predict("hello").model.version == "3"


@pytest.mark.parametrize(
    ("status", "slug", "reason"),
    [
        (400, "malformed-json", Reason.UNREADABLE),
        (401, "unauthorized", Reason.REFUSED),
        (403, "forbidden", Reason.REFUSED),
        (404, "not-found", Reason.MISSING),
        (404, "no-such-version", Reason.NO_VERSION),
        (409, "version-refused", Reason.NO_VERSION),
        (409, "not-explainable", Reason.CONFLICT),
        (413, "body-too-large", Reason.LONG),
        (422, "invalid-request", Reason.UNREADABLE),
        (429, "rate-limited", Reason.BUSY),
        (500, "internal-error", Reason.UNEXPECTED),
        (502, "bad-gateway", Reason.AWAY),
        (503, "no-model", Reason.NO_MODEL),
        (503, "database-away", Reason.UNAVAILABLE),
        (504, "gateway-timeout", Reason.AWAY),
    ],
)
def test_a_problem_has_its_reason(client, api, status, slug, reason):
    api.problem(status, slug)
    error = reason_of(client.predict, "hello")
    assert error.reason is reason
    assert error.request_id == "req-42"
    assert reason_of(client.send_feedback, FEEDBACK).reason is reason
    assert reason_of(client.explain, "hello", "3").reason is reason
    assert reason_of(client.models).reason is reason


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ([{"loc": ["body", "text"], "message": "too long", "type": "string_too_long"}], Reason.LONG),
        ([{"loc": ["body", "text"], "message": "NUL", "type": "value_error"}], Reason.UNREADABLE),
        (["odd"], Reason.UNREADABLE),
        ("odd", Reason.UNREADABLE),
    ],
)
def test_a_text_over_the_apis_own_limit_is_long(client, api, errors, reason):
    api.problem(422, "invalid-request", errors)
    assert reason_of(client.predict, "hello").reason is reason


def test_a_gateways_own_503_means_that_the_api_is_away(client, api):
    api.refusal = (503, {"Content-Type": "text/html"}, b"<h1>503</h1>")
    assert reason_of(client.predict, "hello").reason is Reason.AWAY


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("-3", None), ("99999", 300.0), ("soon", None), ("nan", None)]
)
def test_retry_after_is_read_and_bounded(client, api, header, seconds):
    api.problem(503, **{"Retry-After": header})
    assert reason_of(client.predict, "hello").retry_after_s == seconds


@pytest.mark.parametrize("body", [b"{", b"[]", b"null"])
def test_a_broken_problem_is_still_an_error(client, api, body):
    api.refusal = (500, {"Content-Type": "application/problem+json", "X-Request-Id": "req-7"}, body)
    error = reason_of(client.predict, "hello")
    assert error.reason is Reason.UNEXPECTED
    assert error.request_id == "req-7"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"id": "1", "sentiment": "neutral"}'])
def test_an_answer_that_is_no_prediction_is_unexpected(client, api, body):
    api.refusal = (200, {"Content-Type": "application/json"}, body)
    assert reason_of(client.predict, "hello").reason is Reason.UNEXPECTED


def test_nobody_at_the_address_means_away():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with VigieClient(f"http://127.0.0.1:{held.getsockname()[1]}", timeout_s=2) as client:
            error = reason_of(client.predict, "hello")
    assert error.reason is Reason.AWAY
    assert error.passing


def test_an_answer_that_does_not_come_means_away():
    def never(request):
        raise httpx.ReadTimeout("too slow", request=request)

    with VigieClient("http://api", transport=httpx.MockTransport(never)) as client:
        assert reason_of(client.predict, "hello").reason is Reason.AWAY


@pytest.mark.parametrize(
    ("text", "reason"), [("", Reason.EMPTY), (" \n", Reason.EMPTY), ("é" * (MAX_TEXT_CHARS + 1), Reason.LONG)]
)
def test_what_cannot_be_judged_is_not_asked(client, api, text, reason):
    assert reason_of(client.predict, text).reason is reason
    assert not api.requests


def test_the_longest_text_is_asked(client):
    client.predict("😀" * MAX_TEXT_CHARS)


def test_a_lone_surrogate_is_unreadable_and_not_asked(client, api):
    assert reason_of(client.predict, "bad \ud800 text").reason is Reason.UNREADABLE
    assert not api.requests
