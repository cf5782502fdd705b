"""From people's corrections to a new champion, with a real API and a real MLflow."""

from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient

from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import connect

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("mlflow")]

SLANG = [
    (f"{opening} {word} {ending}", word == "grumbly")
    for opening in ("seat", "crew", "meal", "gate", "bag", "desk")
    for word in ("grumbly", "zazzy")
    for ending in ("today", "on board", "in oslo", "once more")
]


@pytest.fixture
def client(connected) -> MlflowClient:
    return connect(Settings()).client


def correct(browser: httpx.Client, posts: list[tuple[str, bool]]) -> None:
    """Say of each post which sentiment it has, as a person would through the page."""
    for number, (text, negative) in enumerate(posts):
        right = "negative" if negative else "positive"
        body = {
            "prediction_id": f"p-{abs(hash((text, number)))}",
            "verdict": "wrong",
            "correction": right,
            "text": text,
        }
        browser.post("/v1/feedback", json=body).raise_for_status()


def test_corrections_become_a_challenger_that_is_better_at_them_and_then_the_champion(
    vigie, connected, api: httpx.Client, client: MlflowClient, tiny_recipe: Path
) -> None:
    name = Settings().model_name
    nobody = vigie("retrain", "--json")
    assert nobody.code == 1
    assert "no champion" in nobody.document["error"]
    assert vigie("train", tiny_recipe, "--register", "--json").code == 0
    assert vigie("promote", "1", "--json").code == 0

    nothing = vigie("retrain", "--json")
    assert nothing.code == 0, nothing.err
    assert nothing.document["corrections"] == {"pulled": 0, "used": 0, "conflicts": 0, "set_aside": {}}
    assert nothing.document["challenger"] is None

    correct(api, [*SLANG, (SLANG[0][0], not SLANG[0][1]), SLANG[0]])
    dry = vigie("retrain", "--dry-run", "--json").document
    assert (dry["dry_run"], dry["challenger"], dry["promoted"]) == (True, None, False)
    assert dry["corrections"]["pulled"] == len(SLANG) + 2
    assert len(client.search_model_versions(f"name = '{name}'")) == 1

    done = vigie("retrain", "--json")
    assert done.code == 0, done.err
    found = done.document
    corrections = found["corrections"]
    assert (corrections["used"], corrections["conflicts"]) == (len(SLANG), 1)
    assert corrections["set_aside"] == {"superseded": 2}
    assert corrections["trained_on"] + corrections["held_out"] == len(SLANG)
    assert (found["challenger"]["version"], found["promoted"], found["gate"]["passed"]) == ("2", False, True)
    (check,) = [check for check in found["gate"]["checks"] if check["name"] == "corrections"]
    assert "newest corrections" in check["detail"]
    assert client.get_registered_model(name).aliases == {"champion": "1", "challenger": "2"}
    run = client.get_run(found["challenger"]["run_id"])
    assert run.data.tags["vigie.parent_version"] == "1"
    assert run.data.tags["vigie.corrections_digest"] == corrections["digest"]
    page = Path(client.download_artifacts(run.info.run_id, "gate/gate.html")).read_text()
    assert page.index("Yes: it passes") < page.index("Right answers, old and new") < page.index("<h2>Every rule</h2>")
    assert SLANG[0][0] in page, "the text that was judged both ways is listed"
    assert not any(word in page for word in ("src=", "href=", "<script", "@import")), "nothing is fetched"

    again = vigie("retrain", "--json")
    assert again.code == 0, again.err
    assert again.document["outcome"].startswith("nothing new: version 2")
    assert len(client.search_model_versions(f"name = '{name}'")) == 2

    released = vigie("retrain", "--promote", "--reason", "slang", "--json")
    assert released.code == 0, released.err
    assert released.document["promoted"] is True
    assert client.get_registered_model(name).aliases == {"champion": "2", "previous": "1"}
    assert client.get_model_version(name, "2").tags["vigie.promoted_reason"] == "slang"
    assert "nothing new: the champion" in vigie("retrain", "--json").document["outcome"]

    api.post("/v1/model/refresh").raise_for_status()
    for text, sentiment in (("the lounge was zazzy", "positive"), ("such a grumbly lounge", "negative")):
        answer = api.post("/v1/predict", json={"text": text}).raise_for_status().json()
        assert (answer["sentiment"], answer["model"]["version"]) == (sentiment, "2")


def test_data_that_moved_is_asked_for_in_one_sentence(
    vigie, connected, api: httpx.Client, tiny_recipe: Path, tmp_path: Path
) -> None:
    data = tmp_path / "posts.csv"
    rows = [f"{at % 2},{'lovely' if at % 2 else 'awful'} flight number {at}" for at in range(600)]
    data.write_text("label,text\n" + "\n".join(rows), encoding="utf-8")
    assert vigie("train", tiny_recipe, "--data", data, "--register", "--json").code == 0
    # These rows teach no English; what is retrained here need not have passed the gate.
    connect(Settings()).client.set_registered_model_alias(Settings().model_name, "champion", "1")
    correct(api, SLANG[:6])
    held_out = vigie("retrain", "--dry-run", "--json")
    assert held_out.code == 0, held_out.err

    moved = data.with_name("moved.csv")
    data.rename(moved)
    gone = vigie("retrain", "--json")
    assert gone.code == 2
    assert "is not there; name its data with --data" in gone.document["error"]
    assert vigie("retrain", "--data", moved, "--dry-run", "--json").code == 0
    data.write_text("label,text\n" + "\n".join(rows[::-1]), encoding="utf-8")
    changed = vigie("retrain", "--json")
    assert changed.code == 2
    assert "changed since it was trained" in changed.document["error"]


def test_an_api_that_is_away_or_refuses_is_one_sentence(
    vigie, connected, api: httpx.Client, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vigie("train", tiny_recipe, "--register", "--json").code == 0
    assert vigie("promote", "1", "--json").code == 0
    wrong = vigie("retrain", "--since", "yesterday", "--json")
    assert wrong.code == 2
    assert "does not take these limits" in wrong.document["error"]
    monkeypatch.setenv("VIGIE_TRAINER_API_URL", connected.uri)
    other = vigie("retrain", "--json")
    assert other.code == 1
    assert f"answers at {connected.uri}/v1/feedback is not the Vigie API" in other.document["error"]
    monkeypatch.setenv("VIGIE_TRAINER_API_URL", "http://127.0.0.1:1")
    away = vigie("retrain", "--json")
    assert away.code == 1
    assert "does not answer" in away.document["error"]
