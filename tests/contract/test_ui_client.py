"""The page's client against the real API, on a real port: what the one sends, the other takes, and the reverse."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from vigie_api import settings as api_settings
from vigie_api.champion import schema
from vigie_ui.answers import Board
from vigie_ui.client import MAX_COMMENT_CHARS, MAX_TEXT_CHARS, ApiError, Feedback, Prediction, Reason, VigieClient
from vigie_ui.verdict import LANGUAGE_KEYS

SECRET = "the page's own key"


def reason_of(call: Any, *arguments: Any) -> Reason:
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    return caught.value.reason


def judgement(prediction: Prediction, text: str, **changes: Any) -> Feedback:
    fields = {"verdict": "correct", "sentiment": prediction.sentiment, "model_version": prediction.model.version}
    return Feedback(prediction_id=prediction.id, text=text, **(fields | changes))


def kept(address: str) -> dict[str, dict[str, Any]]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        return {row["prediction_id"]: row for row in http.get("/v1/feedback").raise_for_status().json()["feedback"]}


def test_a_verdict_is_understood_whole(client):
    prediction = client.predict("Encore en retard ?")
    assert prediction.sentiment == "negative"
    assert (prediction.score, prediction.confidence, prediction.uncertain) == (0.2, 0.8, True)
    assert prediction.language in LANGUAGE_KEYS
    assert (prediction.model.version, prediction.model.recipe) == ("3", "tfidf_logreg")


def test_an_explanation_is_understood_whole_and_its_places_are_those_of_the_text(client):
    text = " Encore 😀\u00a0en retard ?"
    found = client.explain(text, "3")
    assert (found.prediction.sentiment, found.prediction.uncertain, found.model.version) == ("negative", True, "3")
    assert (found.method, found.base) == ("occlusion", 0.25)
    assert [text[token.start : token.end] for token in found.tokens] == ["Encore", "😀", "en", "retard", "?"]
    assert {token.contribution for token in found.tokens} == {-0.5}


def test_a_version_that_is_not_there_is_no_version(client):
    assert reason_of(client.explain, "hello", "77") is Reason.NO_VERSION


def test_what_predict_calls_empty_or_long_explain_calls_so_too(client):
    assert reason_of(client.explain, " \u200b", "3") is Reason.EMPTY
    assert reason_of(client.explain, "x" * (MAX_TEXT_CHARS + 1), "3") is Reason.LONG


def test_without_a_registry_the_models_are_unavailable_for_a_moment(address):
    with VigieClient(address, timeout_s=120) as patient:  # the API imports MLflow at the first question
        assert reason_of(patient.models) is Reason.UNAVAILABLE


def test_a_leaderboard_is_understood_whole():
    rates = {"false_positive_rate": [0, 0.2, 1], "true_positive_rate": [0, 0.8, 1]}
    kept = {"passed": 7, "total": 8, "needed": 0.5, "kept": True, "decides": True, "failures": ["not great"]}
    sent = schema.ModelVersion(
        version="3",
        recipe="ensemble",
        run_id="r",
        created_at=datetime(2026, 11, 2, tzinfo=UTC),
        aliases=["champion"],
        gate="passed: fine",
        metrics={"accuracy": 0.84},
        evidence_complete=True,
        confusion_matrix=((8, 2), (1, 9)),
        roc=schema.Roc(**rates),
        gate_checks=[schema.GateCheck(name="size", passed=True, detail="small")],
        behaviour={"negation": {"fr": schema.Behaviour(**kept)}},
    )
    bare = schema.ModelVersion(
        **sent.model_dump(include={"version", "recipe", "created_at", "metrics"}),
        run_id=None,
        aliases=[],
        gate="",
        evidence_complete=False,
    )
    whole, empty = Board.model_validate_json(schema.Leaderboard(models=[sent, bare]).model_dump_json()).models
    assert (whole.confusion_matrix, whole.roc.true_positive_rate) == (((8, 2), (1, 9)), (0, 0.8, 1))
    assert (whole.gate_checks[0].name, whole.behaviour["negation"]["fr"].passed) == ("size", 7)
    assert (whole.passed, whole.aliases, whole.evidence_complete) == (True, ("champion",), True)
    assert (empty.confusion_matrix, empty.roc, empty.gate_checks, empty.behaviour) == (None, None, None, None)
    assert (empty.passed, empty.evidence_complete) == (False, False)


def test_a_confirmation_is_kept(client, address):
    prediction = client.predict("Encore en retard")
    assert client.send_feedback(judgement(prediction, "Encore en retard")).verdict == "correct"
    assert kept(address)[prediction.id]["text"] == "Encore en retard"


def test_a_correction_is_kept_with_its_comment_and_the_last_one_counts(client, address):
    prediction = client.predict("Vol parfait 😀")
    client.send_feedback(judgement(prediction, "Vol parfait 😀"))
    comment = "é" * MAX_COMMENT_CHARS
    wrong = judgement(prediction, "Vol parfait 😀", verdict="wrong", correction="positive", comment=comment)
    assert client.send_feedback(wrong).correction == "positive"
    row = kept(address)[prediction.id]
    assert (row["verdict"], row["correction"], row["comment"]) == ("wrong", "positive", comment)


def test_the_same_judgement_sent_twice_is_no_error(client, address):
    prediction = client.predict("Encore en retard")
    feedback = judgement(prediction, "Encore en retard")
    assert client.send_feedback(feedback).prediction_id == client.send_feedback(feedback).prediction_id
    assert kept(address)[prediction.id]["verdict"] == "correct"


@pytest.mark.parametrize("text", ["😀" * MAX_TEXT_CHARS, "<script>alert(1)</script>", "!!!", "🙂"])
def test_what_the_client_lets_through_the_api_judges(client, text):
    assert client.predict(text).sentiment == "negative"


def test_a_nul_character_is_unreadable(client):
    assert reason_of(client.predict, "a\0b") is Reason.UNREADABLE


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u200d\ufeff", "\u00ad", "\u2060"])
def test_what_the_api_calls_blank_the_client_calls_empty(client, address, text):
    assert reason_of(client.predict, text) is Reason.EMPTY
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        assert http.post("/v1/predict", json={"text": text}).status_code == 422


def test_both_have_the_same_limit():
    assert api_settings.MAX_TEXT_CHARS == MAX_TEXT_CHARS


def test_a_limit_lowered_in_the_api_is_reported_as_too_long(running, grumbler, tmp_path):
    with running(tmp_path, grumbler, max_text_chars=5) as url, VigieClient(url) as client:
        assert reason_of(client.predict, "too long for it") is Reason.LONG


def test_a_body_over_the_limit_is_reported_as_too_long(running, grumbler, tmp_path):
    with running(tmp_path, grumbler, max_body_bytes=1_000) as url, VigieClient(url) as client:
        assert reason_of(client.predict, "x" * 2_000) is Reason.LONG


def test_an_api_without_a_model_says_so_and_when_to_come_back(running, no_source, tmp_path):
    with running(tmp_path, no_source) as url, VigieClient(url) as client, pytest.raises(ApiError) as caught:
        client.predict("Encore en retard")
    assert caught.value.reason is Reason.NO_MODEL
    assert caught.value.retry_after_s
    assert caught.value.request_id


@pytest.fixture
def page_key() -> api_settings.ApiKey:
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    return api_settings.ApiKey(name="page", scopes=["predict"], sha256=digest)


def test_a_key_lets_the_page_in_and_none_does_not(running, grumbler, tmp_path, page_key):
    with running(tmp_path, grumbler, keys=[page_key]) as url:
        with VigieClient(url) as nobody:
            assert reason_of(nobody.predict, "hello") is Reason.REFUSED
        with VigieClient(url, api_key=SECRET) as page:
            assert page.predict("hello").sentiment == "negative"
            assert page.explain("hello", "1").prediction.sentiment == "negative"
            assert reason_of(page.models) is Reason.REFUSED  # it may judge, not look into the registry


def test_too_many_requests_are_told_as_such(running, grumbler, tmp_path, page_key):
    with (
        running(tmp_path, grumbler, keys=[page_key], rate_per_minute=1) as url,
        VigieClient(url, api_key=SECRET) as client,
    ):
        client.predict("hello")
        assert reason_of(client.predict, "hello") is Reason.BUSY


def test_the_apis_problems_carry_the_reference_that_the_page_shows(address):
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        document = json.loads(http.post("/v1/predict", json={}).content)
    assert document["request_id"]
