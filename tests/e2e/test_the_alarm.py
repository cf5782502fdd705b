"""Wrong verdicts that pile up, in the containers: one alert, one e-mail, though the mail server was away at first."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .conftest import Stack, wait_until

pytestmark = pytest.mark.e2e
DAMNED = "Bagages perdus deux fois de suite, <b>bravo</b> Air Paradis"


@pytest.fixture
def mailpit(stack: Stack) -> Iterator[httpx.Client]:
    """The mail server of the profile dev, from now on; it was not there before."""
    stack.compose("--profile", "dev", "up", "--detach", "--wait", "--no-deps", "mailpit")
    try:
        with httpx.Client(base_url=os.environ["VIGIE_E2E_MAILPIT"], timeout=10) as client:
            yield client
    finally:
        stack.compose("--profile", "dev", "rm", "--stop", "--force", "mailpit")


def judge_wrong(api: httpx.Client, text: str) -> None:
    prediction = api.post("/v1/predict", json={"text": text}).json()
    verdict = {"prediction_id": prediction["id"], "verdict": "wrong"}
    assert api.post("/v1/feedback", json=verdict).status_code in (200, 201)


def alerts(api: httpx.Client) -> list[dict[str, Any]]:
    answer = api.get("/v1/alerts", params={"kind": "misprediction", "limit": 1000})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["alerts"]
    return found


def test_three_wrong_verdicts_are_one_alert_and_one_mail_once_the_mail_server_is_back(
    stack: Stack, api: httpx.Client, request: pytest.FixtureRequest
) -> None:
    for number in range(3):
        judge_wrong(api, f"{DAMNED} ({number})")
    wait_until("the verdicts are in an alert", lambda: alerts(api))
    before = alerts(api)
    assert all(mail["state"] == "waiting" for alert in before for mail in alert["emails"])

    mailpit: httpx.Client = request.getfixturevalue("mailpit")
    wait_until("every e-mail is sent", lambda: all(m["state"] == "sent" for a in alerts(api) for m in a["emails"]))

    after = alerts(api)
    told = [mail["message_id"].strip("<>") for alert in after for mail in alert["emails"]]
    messages = mailpit.get("/api/v1/messages", params={"limit": 500}).json()["messages"]
    assert len(after) == len(before)
    assert Counter(message["MessageID"].strip("<>") for message in messages) == Counter(told)
    newest = mailpit.get(f"/api/v1/message/{messages[0]['ID']}").json()
    assert "<b>bravo</b>" not in newest["HTML"]


def test_an_alert_is_acknowledged_by_the_page_and_leaves_the_open_ones(stack: Stack, api: httpx.Client) -> None:
    wait_until("there is an alert", lambda: alerts(api))
    chosen = alerts(api)[0]["id"]

    with stack.api("ui") as page:
        answer = page.post(f"/v1/alerts/{chosen}/ack", json={"note": "vu, c'était de l'ironie"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["acknowledged_by"] == "ui"
    still_open = api.get("/v1/alerts", params={"state": "open"}).json()["alerts"]
    assert chosen not in [alert["id"] for alert in still_open]
