"""Logs are JSON and never hold a tweet; metrics name the served version; a sink that fails fails alone."""

import io
import json
import logging

import pytest
from sqlalchemy.exc import DataError

from vigie_api.telemetry.events import ModelSwapped, Telemetry
from vigie_api.telemetry.logs import configure_logs
from vigie_api.telemetry.metrics import age_s

pytestmark = pytest.mark.anyio
SECRET = "Mon vol AF-tres-secret est annulé"


@pytest.fixture
def logged():
    """Everything the process logs, at DEBUG, as the service would write it."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logs("DEBUG", stream)
    configure_logs("DEBUG", stream)  # again: still one line an event
    yield stream
    root.handlers, root.level = before, level


async def test_no_log_line_holds_the_text_of_a_tweet(running, settings, logged, monkeypatch, until, tmp_path):
    tight = settings.model_copy(update={"access_log_every": 1, "spool_dir": tmp_path / "spool"})
    async with running(tight) as api:
        said = await api.client.post("/v1/predict", json={"text": SECRET})
        await api.client.post("/v1/predict/batch", json={"texts": [SECRET, " "]})
        await api.client.post(
            "/v1/predict", content=json.dumps({"text": SECRET})[:-2], headers={"content-type": "application/json"}
        )
        await api.client.post("/v1/predict", json={SECRET: SECRET})
        await api.client.get(f"/v1/{SECRET}?q={SECRET}")
        await api.client.post(
            "/v1/feedback",
            json={"prediction_id": said.json()["id"], "verdict": "wrong", "text": SECRET, "comment": SECRET},
        )
        await api.client.get("/v1/feedback")

        def refuse(connection, *_):
            raise DataError(f"INSERT {SECRET}", {"text": SECRET}, ValueError(SECRET))

        monkeypatch.setattr("vigie_api.prediction.recorder.insert_predictions", refuse)
        monkeypatch.setattr("vigie_api.feedback.desk.keep", refuse)
        await api.client.post("/v1/predict", json={"text": SECRET})
        broken = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong", "text": SECRET})
        assert broken.status_code == 500
        await until(lambda: api.services.recorder.depth == 0)
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert "secret" not in logged.getvalue()
    assert any("exception" in line for line in lines)
    requests = [line for line in lines if line["message"] == "request"]
    assert {line["route"] for line in requests} >= {"/v1/predict", "/v1/feedback", "unmatched"}
    assert all(line["request_id"] and line["ts"].endswith("+00:00") for line in requests)


async def test_nobody_outside_can_end_a_log_line_or_steer_a_terminal(running, settings, logged):
    async with running(settings.model_copy(update={"access_log_every": 1})) as api:
        await api.client.get("/v1/model%0A%7B%22level%22:%22error%22%7D%E2%80%A8%C2%9B31m%1B[31m")
        await api.client.get("/v1/model", headers={"x-request-id": 'a"}\t{"level":"error'})
    logging.getLogger("vigie_api").warning("said by somebody", extra={"name_of_theirs": "a\n{}\u2028\x9b31m\x1b[31m"})
    for line in logged.getvalue().split("\n"):
        assert line.isascii()
        assert line.isprintable()
        assert not line or json.loads(line)["level"] != "error"


async def test_an_exception_is_logged_with_its_frames_and_its_cause_but_without_its_message(logged):
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError:
        logging.getLogger("test").exception("it broke")
    line = json.loads(logged.getvalue().splitlines()[-1])
    assert (line["level"], line["message"]) == ("error", "it broke")
    assert line["exception"]["type"] == "builtins.ValueError"
    assert line["exception"]["cause"] == "builtins.KeyError"
    assert any("test_telemetry.py" in frame for frame in line["exception"]["frames"])


async def test_the_access_log_is_sampled_and_errors_are_not(running, settings, logged, monkeypatch):
    async with running(settings.model_copy(update={"access_log_every": 10})) as api:
        for _ in range(20):
            await api.client.get("/livez")
        monkeypatch.setattr(api.services.predictor, "one", None)
        await api.client.post("/v1/predict", json={"text": "a"})
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["status"] for line in lines if line["message"] == "request"] == [200, 200, 500]


async def test_metrics_count_requests_and_predictions_under_the_served_version(api):
    await api.client.post("/v1/predict", json={"text": "a", "model_version": "1"})
    await api.client.post("/v1/predict", json={"text": "a", "model_version": "99"})
    await api.client.post("/v1/predict/batch", json={"texts": ["a", "b"]})
    await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "correct"})
    await api.client.get("/v1/some/other/place")
    await api.client.request("BREW", "/livez")
    answer = await api.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'vigie_predictions_total{model_version="1",sentiment="positive"} 3.0',
        'vigie_requests_total{method="POST",route="/v1/predict",status="200"} 1.0',
        'vigie_requests_total{method="POST",route="/v1/predict",status="404"} 1.0',
        'vigie_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'vigie_requests_total{method="other",route="/livez",status="405"} 1.0',
        'vigie_request_seconds_count{route="/v1/predict"} 2.0',
        'vigie_feedback_total{verdict="correct",where="database"} 1.0',
        'vigie_model_info{recipe="constant",version="1"} 1.0',
        "vigie_model_refresh_failures_total 0.0",
        'vigie_write_behind_dropped_total{reason="queue-full"} 0.0',
        "vigie_spool_depth 0.0",
    ):
        assert line in answer.text, line
    for name in ("vigie_model_age_seconds", "vigie_write_behind_depth", "vigie_model_checked_age_seconds"):
        assert f"\n{name} " in answer.text
    assert '"99"' not in answer.text


def test_a_sink_that_fails_does_not_keep_the_event_from_the_others(caplog):
    class Broken:
        def emit(self, event):
            raise OSError("sink")

    class Keeps(list):
        def emit(self, event):
            self.append(event)

    keeps = Keeps()
    event = ModelSwapped("2", "tiny", "registry", "1")
    Telemetry([Broken(), keeps]).emit(event)
    assert keeps == [event]
    assert "a telemetry sink failed" in caplog.text


def test_an_age_without_a_beginning_is_not_a_number():
    assert age_s(None) != age_s(None)
