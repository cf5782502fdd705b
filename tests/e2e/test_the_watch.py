"""Posts handed in through the gateway, in the containers: each once, judged, and a surge that is told once."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from .conftest import ROOT, Stack, wait_until

pytestmark = pytest.mark.e2e
TOPIC = "Air Paradis"


@pytest.fixture(scope="module")
def week(stack: Stack) -> str:
    """A made-up week of posts with a surge that ends now, handed in twice; what the second time said."""
    command = [sys.executable, ROOT / "scripts" / "demo_week.py", "--api-url", f"{stack.url}/api"]
    for _ in range(2):
        said = subprocess.run(
            [*command, "--api-key", stack.secrets["VIGIE_KEY_INGEST"]], capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stderr
    return said.stdout


def asked(api: httpx.Client, path: str, **query: str | int) -> dict[str, Any]:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_posts_are_taken_once_and_judged(api: httpx.Client, week: str) -> None:
    assert int(week.split(" ")[0]) <= 5, week  # posts of the moment between the two runs, at most
    wait_until("every post is judged", lambda: judged_and_waiting(api)[1] == 0)
    judged, _ = judged_and_waiting(api)
    assert judged > 500
    newest = asked(api, "/v1/mentions", limit=1)["mentions"][0]
    assert newest["sentiment"] in ("positive", "negative")
    assert newest["text"]


def judged_and_waiting(api: httpx.Client) -> tuple[int, int]:
    judged = waiting = 0
    page = asked(api, "/v1/mentions", limit=1000)
    while True:
        judged += sum(mention["sentiment"] is not None for mention in page["mentions"])
        waiting += sum(mention["sentiment"] is None for mention in page["mentions"])
        if page["next_cursor"] is None:
            return judged, waiting
        page = asked(api, "/v1/mentions", limit=1000, cursor=page["next_cursor"])


def test_a_surge_is_one_episode_with_one_alert_and_a_report(stack: Stack, api: httpx.Client, week: str) -> None:
    def told() -> list[dict[str, Any]]:
        # The week holds another episode, which was over when its posts came in: of that nobody is told.
        return [found for found in asked(api, "/v1/episodes", topic=TOPIC)["episodes"] if found["alert_id"]]

    wait_until("the surge is an episode that was told", told)
    (episode,) = told()
    assert episode["negatives"] > 2 * episode["expected"]
    alerts = asked(api, "/v1/alerts", kind="surge")["alerts"]
    assert [alert["evidence"]["episode_id"] for alert in alerts].count(episode["id"]) == 1

    with stack.api("ui") as page:
        seen = page.patch(f"/v1/episodes/{episode['id']}", json={"acknowledged": True, "note": "vu, on répond"})
        report = page.get(f"/v1/episodes/{episode['id']}/report", params={"language": "fr"})

    assert seen.status_code == 200, seen.text
    assert seen.json()["acknowledged_by"] == "ui"
    assert report.status_code == 200
    assert "vu, on répond" in report.text
    alert = asked(api, f"/v1/alerts/{episode['alert_id']}")
    assert alert["state"] == "acknowledged"


def test_the_page_keeps_to_reading_posts(stack: Stack) -> None:
    post = {"source": "e2e", "external_id": "1", "topic": TOPIC, "text": "bonjour"}
    post["created_at"] = datetime.now(UTC).isoformat()
    with stack.api("ui") as page:
        answer = page.post("/v1/mentions", content=json.dumps({"mentions": [post]}))
    assert answer.status_code == 403
