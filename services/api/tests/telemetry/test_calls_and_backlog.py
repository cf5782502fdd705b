"""Calls are timed and told apart, and what waits for people is counted, on either database."""

import asyncio

import pytest
from sqlalchemy import update

from vigie_api.alerts.table import alert_outbox
from vigie_api.champion.registry import NoChampion, RegistryAway
from vigie_api.database.engine import DatabaseAway
from vigie_api.settings import Settings
from vigie_api.telemetry.backlog import BacklogGauges
from vigie_api.telemetry.calls import Calls, a_call
from vigie_api.telemetry.metrics import Metrics

pytestmark = pytest.mark.anyio


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def wrong(api, times=3):
    for number in range(times):
        answer = await api.client.post(
            "/v1/feedback",
            json={"prediction_id": f"p{number}", "verdict": "wrong", "text": "a", "sentiment": "positive"},
        )
        assert answer.status_code == 201


async def settled(there):
    """Wait for what the background brings about; the test's own timeout ends a wait for nothing."""
    while not there():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.02)


@pytest.fixture
def mailing(settings: Settings, database_url: str) -> Settings:
    """A mail server that nobody runs."""
    mail = {"smtp_host": "127.0.0.1", "smtp_port": 9, "smtp_security": "none"}
    addresses = {"mail_from": "vigie@example.org", "mail_to": "marketing@example.org"}
    kept = settings.model_dump(exclude={"database_url", "mail_from", "mail_to", *mail})
    return Settings(**kept, **mail, **addresses, database_url=database_url)


async def test_open_alerts_and_waiting_e_mails_are_counted_until_somebody_acts(running, mailing):
    async with running(mailing) as api:
        gauges, metrics = BacklogGauges(api.services.database, api.services.metrics), api.services.metrics
        await gauges.refresh()
        assert value(metrics, "vigie_alerts_open", kind="misprediction") == 0
        assert value(metrics, "vigie_outbox_oldest_age_seconds") == 0
        await wrong(api)
        await api.services.alerts.raise_alert("drift", "score", {"day": "2026-11-22"})
        await settled(lambda: value(metrics, "vigie_call_failures_total", kind="SMTP"))
        await gauges.refresh()
        assert value(metrics, "vigie_alerts_open", kind="misprediction") == 1
        assert value(metrics, "vigie_alerts_open", kind="drift") == 1
        assert value(metrics, "vigie_alerts_open", kind="surge") == 0
        assert value(metrics, "vigie_outbox_depth") == 2
        assert value(metrics, "vigie_outbox_oldest_age_seconds") > 0
        assert value(metrics, "vigie_outbox_failed") == 0

        def give_up(connection):
            connection.execute(update(alert_outbox).where(alert_outbox.c.channel == "email").values(state="failed"))

        await api.services.database.write(give_up)
        (alert, *_) = (await api.client.get("/v1/alerts", params={"kind": "misprediction"})).json()["alerts"]
        await api.client.post(f"/v1/alerts/{alert['id']}/ack", json={})
        await gauges.refresh()
        assert value(metrics, "vigie_alerts_open", kind="misprediction") == 0
        assert value(metrics, "vigie_outbox_depth") == 0
        assert value(metrics, "vigie_outbox_failed") == 2


async def test_the_gauges_keep_what_they_showed_while_the_database_is_away(running, settings):
    async with running(settings) as api:
        await wrong(api)
        gauges = BacklogGauges(api.services.database, api.services.metrics)
        await gauges.refresh()
        api.services.database.ready = False
        with pytest.raises(DatabaseAway):
            await gauges.refresh()
        assert value(api.services.metrics, "vigie_alerts_open", kind="misprediction") == 1
        api.services.database.ready = True


async def test_three_wrong_verdicts_are_one_alert_on_the_wire(running, observed, ingestion):
    async with running(observed) as api:
        await wrong(api, 4)
        await settled(lambda: ingestion.of("EventData", "AlertRaised"))
        (shown,) = (await api.client.get("/v1/alerts")).json()["alerts"]
    (event,) = ingestion.of("EventData", "AlertRaised")
    properties = event["data"]["baseData"]["properties"]
    assert (properties["alert_id"], properties["kind"]) == (shown["id"], "misprediction")
    assert float(properties["window_s"]) == 300


class Heard(list):
    def called(self, kind, target, name, seconds, *, success):
        assert seconds >= 0
        self.append((kind, target, name, success))


def test_an_answer_that_says_no_is_no_failed_call():
    heard, metrics = Heard(), Metrics()
    calls = Calls(metrics, heard)

    class Client:
        def __init__(self, calls):
            self.calls = calls
            self.place = "mlflow:5000"

        @a_call
        def champion(self, error=None):
            if error is not None:
                raise error
            return "7"

    client = Client(calls)
    assert client.champion() == "7"
    with pytest.raises(NoChampion):
        client.champion(NoChampion("Nobody."))
    with pytest.raises(RegistryAway):
        client.champion(RegistryAway("Away."))
    with pytest.raises(KeyError):
        client.champion(error=KeyError())
    assert [success for *_, success in heard] == [True, True, False, False]
    assert {call[:3] for call in heard} == {("HTTP", "mlflow:5000", "champion")}
    assert value(metrics, "vigie_call_seconds_count", kind="HTTP") == 4
    assert value(metrics, "vigie_call_failures_total", kind="HTTP") == 2
    assert Client(None).champion() == "7"
