"""`vigie drift`, with a real API and a real MLflow."""

import time
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient

from vigie_trainer.data.demo import demo_posts
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import connect

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("mlflow")]


def judged(browser: httpx.Client, texts: list[str]) -> None:
    """Let the champion judge the texts, and wait until the API has written them."""
    deadline = time.monotonic() + 60
    while browser.get("/readyz").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    browser.post("/v1/predict/batch", json={"texts": texts}).raise_for_status()
    while time.monotonic() < deadline:
        answer = browser.get("/v1/predictions", headers={"Accept": "application/x-ndjson"})
        if len(answer.text.splitlines()) >= len(texts):
            return
        time.sleep(0.2)


def test_the_champions_live_predictions_are_compared_with_the_rows_that_travel_with_it(
    vigie, connected, api: httpx.Client, tiny_recipe: Path, tmp_path: Path
) -> None:
    assert "no champion" in vigie("drift", "--json").document["error"]
    assert vigie("train", tiny_recipe, "--register", "--json").code == 0
    assert vigie("promote", "1", "--json").code == 0
    few = vigie("drift", "--json")
    assert few.code == 1
    assert "0 predictions" in few.document["error"]
    assert vigie("drift", "--sample", "3", "--json").code == 2
    assert vigie("drift", "--since", "yesterday", "--json").code == 2

    judged(api, [text for text in demo_posts().texts if text.strip()][:600])
    page = tmp_path / "drift.html"
    done = vigie("drift", "--html", page, "--json")
    assert done.code == 0, done.err
    found = done.document
    assert (found["model"]["version"], found["predictions"]) == ("1", 600)
    assert found["reference_rows"] > 200
    measures = {one["name"]: one for one in found["measures"]}
    assert not measures["length"]["drift"]
    assert found["drift"] == any(one["drift"] for one in found["measures"])
    assert page.read_text(encoding="utf-8").count("<script") > 0

    client: MlflowClient = connect(Settings()).client
    run = client.get_run(found["run_id"])
    assert (run.data.tags["vigie.kind"], run.data.tags["vigie.version"]) == ("drift", "1")
    assert run.data.metrics["drift_length"] == measures["length"]["value"]
    assert "drift.html" in {file.path for file in client.list_artifacts(found["run_id"])}

    judged(api, ["Train tram quai wagon"] * 900)
    changed = vigie("drift", "--no-log")
    assert changed.code == 0
    assert "Live traffic has drifted." in changed.out
