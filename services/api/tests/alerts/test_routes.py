"""GET /v1/alerts, one alert, and its acknowledgement, over HTTP on a whole application."""

import pytest

from vigie_api.access.keys import new_key
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(running, settings, database_url):
    async with running(Settings(**settings.model_dump() | {"database_url": database_url})) as started:
        yield started


async def judge(api, count, verdict="wrong", prefix="p"):
    for number in range(count):
        body = {"prediction_id": f"{prefix}{number}", "verdict": verdict, "text": "Retard", "sentiment": "positive"}
        assert (await api.client.post("/v1/feedback", json=body)).status_code == 201


async def listed(api, **query):
    answer = await api.client.get("/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_three_wrong_verdicts_show_as_one_open_alert(api):
    await judge(api, 2)
    assert await listed(api) == {"alerts": [], "open": 0, "next_cursor": None}
    await judge(api, 1, prefix="q")
    page = await listed(api)
    (alert,) = page["alerts"]
    assert (page["open"], alert["state"], alert["count"]) == (1, "open", 3)
    assert [verdict["text"] for verdict in alert["evidence"]["verdicts"]] == ["Retard"] * 3
    assert (await api.client.get(f"/v1/alerts/{alert['id']}")).json() == alert


async def test_a_prediction_that_the_database_knows_lends_its_text_to_the_evidence(api):
    for number in range(3):
        prediction = (await api.client.post("/v1/predict", json={"text": f"Vol {number}"})).json()["id"]
        await api.settled()
        await api.client.post("/v1/feedback", json={"prediction_id": prediction, "verdict": "wrong"})
    (alert,) = (await listed(api))["alerts"]
    assert [verdict["text"] for verdict in alert["evidence"]["verdicts"]] == ["Vol 0", "Vol 1", "Vol 2"]
    assert {verdict["correction"] for verdict in alert["evidence"]["verdicts"]} == {"negative"}
    assert alert["model_version"] == "1"


async def test_the_first_acknowledgement_stays(api):
    await judge(api, 3)
    (alert,) = (await listed(api))["alerts"]
    first = await api.client.post(f"/v1/alerts/{alert['id']}/ack", json={"note": "vu"})
    assert (first.status_code, first.json()["state"], first.json()["note"]) == (200, "acknowledged", "vu")
    assert first.json()["acknowledged_by"] == "embedded"
    again = await api.client.post(f"/v1/alerts/{alert['id']}/ack", json={"note": "moi aussi"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await listed(api))["open"] == 0


async def test_filters_and_pages(api):
    book = api.services.alerts
    for number in range(5):
        assert await book.raise_alert("operations", f"k{number}", {"number": number})
    await judge(api, 3)
    newest = (await listed(api))["alerts"][0]
    await api.client.post(f"/v1/alerts/{newest['id']}/ack", json={})
    assert [alert["kind"] for alert in (await listed(api, kind="misprediction"))["alerts"]] == ["misprediction"]
    assert len((await listed(api, state="acknowledged"))["alerts"]) == 1
    assert len((await listed(api, state="open"))["alerts"]) == 5
    assert (await listed(api, since="2999-01-01T00:00:00Z"))["alerts"] == []
    assert len((await listed(api, until="2999-01-01T00:00:00Z"))["alerts"]) == 6
    seen, cursor = [], None
    while True:
        page = await listed(api, kind="operations", limit=2, **({"cursor": cursor} if cursor else {}))
        assert page["open"] == 5
        seen += [alert["evidence"]["number"] for alert in page["alerts"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("query", ["state=new", "kind=x", "since=1", "limit=0", "limit=1001", "cursor=f1", "stat=open"])
async def test_a_filter_that_makes_no_sense_is_422(api, query):
    assert (await api.client.get(f"/v1/alerts?{query}")).status_code == 422


async def test_an_alert_that_does_not_exist_is_404(api):
    nowhere = "/v1/alerts/019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"
    for answer in (await api.client.get(nowhere), await api.client.post(f"{nowhere}/ack", json={})):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:vigie:problem:no-such-alert")


async def test_a_note_has_limits(api):
    await judge(api, 3)
    (alert,) = (await listed(api))["alerts"]
    for body in ({"note": "a" * 1_001}, {"note": "a\0"}, {"remark": "a"}):
        assert (await api.client.post(f"/v1/alerts/{alert['id']}/ack", json=body)).status_code == 422


async def test_alerts_are_for_those_who_may_review(running, settings):
    keys, entries = {}, []
    for scope in ("predict", "review"):
        keys[scope], entry = new_key(scope, [scope])
        entries.append(entry)
    import json

    guarded = Settings(**settings.model_dump() | {"keys": [json.loads(entry) for entry in entries]})
    async with running(guarded) as api:
        for scope, status in (("predict", 403), ("review", 200)):
            headers = {"authorization": f"Bearer {keys[scope]}"}
            assert (await api.client.get("/v1/alerts", headers=headers)).status_code == status


async def test_what_waited_in_the_spool_raises_its_alert_when_it_is_drained(running, settings, tmp_path, until):
    folder = tmp_path / "spool"
    async with running(settings.model_copy(update={"spool_dir": folder}), ready=False) as api:
        await until(lambda: api.services.database.ready)
        api.services.database.ready = False
        await judge(api, 3)
        assert api.services.feedback._spool.depth == 3
        api.services.database.ready = True
        await until(lambda: api.services.feedback._spool.depth == 0)
        (alert,) = (await listed(api))["alerts"]
    assert alert["count"] == 3
