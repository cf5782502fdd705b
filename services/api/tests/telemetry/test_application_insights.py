"""What arrives at the ingestion endpoint, from the running service, with either library."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from dataclasses import asdict

import pytest

from vigie_api.telemetry.appinsights.connection import parse_connection
from vigie_api.telemetry.appinsights.items import CustomEvent, operation
from vigie_api.telemetry.appinsights.opencensus_exporter import OpencensusExporter
from vigie_api.telemetry.events import AlertRaised

pytestmark = pytest.mark.anyio
KEY = "11111111-2222-3333-4444-555555555555"
SECRET = "Mon vol AF-tres-secret est annulé"
REQUEST = "0123456789abcdef0123456789abcdef"


async def until(there):
    """Wait for what other threads bring about; the test's own timeout ends a wait for nothing."""
    while not there():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.02)


async def arrives(ingestion, kind, name=None, count=1):
    await until(lambda: len(ingestion.of(kind, name)) >= count)
    return ingestion.of(kind, name)


async def judge(api, verdict="wrong", **more):
    said = (await api.client.post("/v1/predict", json={"text": SECRET})).json()
    body = {"prediction_id": said["id"], "verdict": verdict, "text": SECRET, **more}
    answer = await api.client.post("/v1/feedback", json=body, headers={"x-request-id": REQUEST})
    assert answer.status_code < 300, answer.text
    return said, answer.json()


async def test_a_verdict_is_one_custom_event_with_the_tweet_and_what_was_said_of_it(running, observed, ingestion):
    async with running(observed) as api:
        said, kept = await judge(api, correction="negative")
        await judge(api, verdict="correct")
        await arrives(ingestion, "EventData", "FeedbackReceived", 2)
    first, second = ingestion.of("EventData", "FeedbackReceived")
    assert first["name"] == "Microsoft.ApplicationInsights.Event"
    assert first["iKey"] == KEY
    assert ingestion.paths == {"/v2.1/track"}
    properties = first["data"]["baseData"]["properties"]
    assert properties["feedback_id"] == kept["id"]
    assert properties["prediction_id"] == said["id"]
    assert (properties["verdict"], properties["where"]) == ("wrong", "database")
    assert (properties["text"], properties["sentiment"]) == (SECRET, "positive")
    assert (properties["correction"], properties["given_by"]) == ("negative", "embedded")
    assert properties["model_version"] == "1"
    assert second["data"]["baseData"]["properties"]["verdict"] == "correct"


async def test_everything_names_the_role_and_the_key_and_belongs_to_its_request(running, observed, ingestion):
    async with running(observed) as api:
        await judge(api)
        await arrives(ingestion, "RequestData", "POST /v1/feedback")
        await arrives(ingestion, "RemoteDependencyData")
    for envelope in ingestion.envelopes:
        assert envelope["iKey"] == KEY
        assert envelope["tags"]["ai.cloud.role"] == "vigie-api"
        assert envelope["tags"]["ai.cloud.roleInstance"]
    (request,) = ingestion.of("RequestData", "POST /v1/feedback")
    (event,) = ingestion.of("EventData", "FeedbackReceived")
    calls = [call for call in ingestion.of("RemoteDependencyData") if call["tags"]["ai.operation.id"] == REQUEST]
    assert request["tags"]["ai.operation.id"] == event["tags"]["ai.operation.id"] == REQUEST
    assert request["data"]["baseData"]["id"] == event["tags"]["ai.operation.parentId"] == REQUEST[16:]
    assert calls
    assert all(call["tags"]["ai.operation.parentId"] == REQUEST[16:] for call in calls)
    assert all(call["data"]["baseData"]["type"] == "SQL" for call in calls)
    assert request["data"]["baseData"]["responseCode"] == "201"
    assert request["data"]["baseData"]["success"] is True
    assert request["data"]["baseData"]["properties"]["request_id"] == REQUEST


async def test_a_swap_and_an_alert_are_custom_events(running, observed, ingestion):
    async with running(observed) as api:
        api.app.state.insights.emit(AlertRaised("a1", "misprediction", "1", 3, 300.0))
        await arrives(ingestion, "EventData", "AlertRaised")
    (alert,) = ingestion.of("EventData", "AlertRaised")
    said = alert["data"]["baseData"]["properties"]
    expected = {"alert_id": "a1", "kind": "misprediction", "model_version": "1", "count": "3", "window_s": "300.0"}
    assert said == said | expected
    (swap,) = ingestion.of("EventData", "ModelSwapped")
    properties = swap["data"]["baseData"]["properties"]
    assert (properties["version"], properties["recipe"], properties["source"]) == ("1", "constant", "cache")


async def test_an_alert_of_a_surge_and_of_drift_say_what_they_rest_on_and_leave_out_the_rest(
    running, observed, ingestion
):
    surge = AlertRaised("a1", "surge", None, 1, None, "Air Paradis", "e1", "serious", 27, 6.2)
    drift = AlertRaised("a2", "drift", "3", 1, None, day="2026-11-22", measure="score", value=0.31, threshold=0.25)
    async with running(observed) as api:
        api.app.state.insights.emit(surge)
        api.app.state.insights.emit(drift)
        await arrives(ingestion, "EventData", "AlertRaised", 2)
    said = [event["data"]["baseData"]["properties"] for event in ingestion.of("EventData", "AlertRaised")]
    for event, properties in zip((surge, drift), sorted(said, key=lambda found: found["alert_id"]), strict=True):
        told = {name: str(value) for name, value in asdict(event).items() if value is not None}
        assert {name: value for name, value in properties.items() if name != "logger_name"} == told


async def test_only_the_feedback_event_holds_the_text_of_a_tweet(running, observed, ingestion, monkeypatch):
    async with running(observed) as api:
        await judge(api)
        await api.client.get(f"/v1/{SECRET}?q={SECRET}")

        def refuse(*_, **__):
            raise ValueError(f"INSERT {SECRET}") from KeyError(SECRET)

        monkeypatch.setattr("vigie_api.feedback.desk.keep", refuse)
        broken = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong", "text": SECRET})
        assert broken.status_code == 500
        await arrives(ingestion, "ExceptionData")
    holding = [envelope for envelope in ingestion.envelopes if "secret" in json.dumps(envelope)]
    assert [envelope["data"]["baseData"]["name"] for envelope in holding] == ["FeedbackReceived"]
    (failure, *_) = ingestion.of("ExceptionData")
    (said,) = failure["data"]["baseData"]["exceptions"]
    assert said["typeName"] == "builtins.ValueError"
    assert said["message"] == "builtins.ValueError in refuse"
    assert "test_application_insights.py" in json.dumps(said)
    assert failure["data"]["baseData"]["properties"]["cause"] == "builtins.KeyError"


async def test_the_tweet_can_be_kept_at_home(running, observed, ingestion):
    async with running(observed.model_copy(update={"appinsights_text": False})) as api:
        await judge(api)
        (event,) = await arrives(ingestion, "EventData", "FeedbackReceived")
    assert event["data"]["baseData"]["properties"]["sentiment"] == "positive"
    assert "secret" not in json.dumps(ingestion.envelopes)


async def test_a_library_that_cannot_be_used_keeps_nobody_from_predicting(running, observed, monkeypatch, caplog):
    monkeypatch.setattr("vigie_api.telemetry.appinsights.sink._exporter", None)
    async with running(observed) as api:
        await judge(api)
    assert "Application Insights cannot be used" in caplog.text


async def test_requests_are_sampled_failures_are_not_and_the_counts_add_up(running, observed, ingestion, monkeypatch):
    async with running(observed.model_copy(update={"appinsights_sample_s": 1.0})) as api:
        for _ in range(50):
            await api.client.post("/v1/predict", json={"text": "a"})
        await asyncio.sleep(1.05)
        await api.client.post("/v1/predict", json={"text": "a"})
        monkeypatch.setattr(api.services.predictor, "one", None)
        for _ in range(5):
            await api.client.post("/v1/predict", json={"text": "a"})
    served = [
        r for r in ingestion.of("RequestData", "POST /v1/predict") if r["data"]["baseData"]["responseCode"] == "200"
    ]
    failed = [
        r for r in ingestion.of("RequestData", "POST /v1/predict") if r["data"]["baseData"]["responseCode"] == "500"
    ]
    assert len(served) < 25
    assert sum(round(100 / request["sampleRate"]) for request in served) == 51
    assert len(failed) == 5
    assert all(request["sampleRate"] == 100 and not request["data"]["baseData"]["success"] for request in failed)


async def test_what_waits_at_shutdown_is_sent(running, observed, ingestion):
    async with running(observed) as api:
        await judge(api)
    assert len(ingestion.of("EventData", "FeedbackReceived")) == 1


@pytest.mark.parametrize("status", [429, 500, 503, 403])
async def test_an_endpoint_that_refuses_for_now_gets_everything_once_it_recovers(running, observed, ingestion, status):
    ingestion.status, ingestion.headers = status, {"Retry-After": "1"}
    async with running(observed) as api:
        await judge(api)
        await until(lambda: ingestion.attempts >= 2)
        assert ingestion.envelopes == []
        ingestion.status = 200
        await arrives(ingestion, "EventData", "FeedbackReceived")
        await arrives(ingestion, "RequestData", "POST /v1/feedback")
    assert len(ingestion.of("EventData", "FeedbackReceived")) == 1
    assert dropped(api, "refused") == 0


async def test_an_endpoint_that_resets_or_is_gone_gets_everything_once_it_is_back(running, observed, ingestion):
    ingestion.resets = True
    async with running(observed) as api:
        await judge(api)
        await until(lambda: ingestion.attempts >= 1)
        ingestion.stop()
        ingestion.resets = False
        await judge(api)
        ingestion.start()
        await arrives(ingestion, "EventData", "FeedbackReceived", 2)


def test_no_tweet_follows_a_redirect_to_an_address_without_tls(ingestion):
    with socket.create_server(("127.0.0.1", 0)) as metadata:
        metadata.setblocking(False)
        ingestion.status = 307
        ingestion.headers = {"Location": f"http://127.0.0.1:{metadata.getsockname()[1]}/latest/meta-data"}
        exporter = OpencensusExporter(parse_connection(ingestion.connection_string), "api", 60.0)
        event = CustomEvent(0.0, operation(REQUEST), "FeedbackReceived", {"text": SECRET})
        outcome = exporter.send([event])
        exporter.close()
        with pytest.raises(BlockingIOError):
            metadata.accept()
    assert (ingestion.attempts, outcome.later) == (1, [event])


async def test_what_the_endpoint_will_never_take_is_dropped_and_counted(running, observed, ingestion):
    ingestion.status = 400
    async with running(observed) as api:
        await until(lambda: dropped(api, "refused") == 1)  # the model that began to serve
        ingestion.status = 200
        _, kept = await judge(api)
        await arrives(ingestion, "EventData", "FeedbackReceived")
    (event,) = ingestion.of("EventData", "FeedbackReceived")
    assert event["data"]["baseData"]["properties"]["feedback_id"] == kept["id"]
    assert ingestion.of("EventData", "ModelSwapped") == []


def dropped(api, reason):
    return api.services.metrics.registry.get_sample_value("vigie_telemetry_dropped_total", {"reason": reason})


async def test_while_the_endpoint_hangs_requests_are_answered_and_the_end_comes_soon(running, observed, ingestion):
    ingestion.release.clear()
    async with running(observed.model_copy(update={"appinsights_sample_s": 0.0})) as api:
        await judge(api)
        await until(lambda: ingestion.attempts >= 1)
        for _ in range(50):
            assert (await api.client.post("/v1/predict", json={"text": "a"})).status_code == 200
        insights = api.app.state.insights
        assert insights.depth > 0
    assert ingestion.batches == [], "the endpoint still hangs, and the shutdown did not wait for it"
    assert dropped(api, "shutdown") > 0
    ingestion.release.set()
    for thread in threading.enumerate():
        if thread.name == "appinsights":
            await asyncio.to_thread(thread.join)


async def test_a_caller_s_own_request_id_becomes_an_operation_id_of_the_right_shape(running, observed, ingestion):
    async with running(observed) as api:
        await api.client.get("/livez", headers={"x-request-id": "mine"})
        (request,) = await arrives(ingestion, "RequestData", "GET /livez")
    assert len(request["tags"]["ai.operation.id"]) == 32
    assert request["data"]["baseData"]["properties"]["request_id"] == "mine"


def test_without_a_connection_string_neither_library_is_imported_and_no_thread_is_started(tmp_path):
    script = """
import asyncio, sys, threading
from vigie_api.app import create_app
from vigie_api.settings import Settings

async def run():
    app = create_app(Settings())
    async with app.router.lifespan_context(app):
        print(sorted(name for name in sys.modules if name.partition(".")[0] in ("opencensus", "azure")))
        print(sorted(thread.name for thread in threading.enumerate() if "insights" in thread.name))
asyncio.run(run())
"""
    environment = {"VIGIE_HOME": str(tmp_path), "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines() == ["[]", "[]"]


async def test_calls_and_measures_look_the_same_with_either_library(running, observed, ingestion, monkeypatch):
    monkeypatch.setattr("vigie_api.telemetry.appinsights.sink._MEASURE_EVERY_S", 0.05)
    async with running(observed) as api:
        insights = api.app.state.insights
        insights.called("HTTP", "mlflow:5000", "champion", 0.25, success=False)
        insights.called("SMTP", "mail.example", "send", 0.5, success=True)
        await until(lambda: any("vigie.model.served" in str(envelope) for envelope in ingestion.of("MetricData")))
        await arrives(ingestion, "RemoteDependencyData", "send")
    calls = {
        call["data"]["baseData"]["name"]: call["data"]["baseData"] for call in ingestion.of("RemoteDependencyData")
    }
    said = {name: (calls[name]["type"], calls[name]["target"], calls[name]["success"]) for name in ("champion", "send")}
    assert said == {"champion": ("HTTP", "mlflow:5000", False), "send": ("SMTP", "mail.example", True)}
    metrics = {m["metrics"][0]["name"]: m for m in (e["data"]["baseData"] for e in ingestion.of("MetricData"))}
    assert metrics["vigie.model.served"]["properties"] == {"version": "1", "recipe": "constant"}
    assert metrics["vigie.model.served"]["metrics"][0]["value"] == 1
