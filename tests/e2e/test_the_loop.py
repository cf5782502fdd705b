"""Tweets → champion → prediction → correction, and nothing of it lost."""

from __future__ import annotations

import csv
import itertools
import json
import threading

import pytest

from .conftest import LONG_RUNNING, ROOT, wait_until

pytestmark = pytest.mark.e2e

CORPORA = ROOT / "services/trainer/src/vigie_trainer/corpus"


def test_the_first_champion_made_itself(api):
    model = api.get("/v1/model").json()

    assert model["name"] == "sentiment"
    assert model["recipe"] == "tfidf_logreg"
    assert model["source"] == "registry"


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("My flight was cancelled and nobody answers. Worst airline ever.", "negative"),
        ("Merci à l'équipage, vol parfait !", "positive"),
        ("Je suis content d'être ici !", "positive"),
    ],
)
def test_a_tweet_is_judged(stack, text, sentiment):
    with stack.api("ui") as page:
        answer = page.post("/v1/predict", json={"text": text})

    assert answer.status_code == 200
    assert answer.json()["sentiment"] == sentiment


def give_correction(api) -> dict:
    prediction = api.post("/v1/predict", json={"text": "Two hours on the tarmac, how lovely"}).json()
    correction = {
        "prediction_id": prediction["id"],
        "verdict": "wrong",
        "text": "Two hours on the tarmac, how lovely",
        "sentiment": prediction["sentiment"],
        "model_version": prediction["model"]["version"],
        "comment": "ironie",
    }
    answer = api.post("/v1/feedback", json=correction)
    assert answer.status_code == 201
    assert answer.json()["correction"] != prediction["sentiment"]
    return answer.json()


def kept_corrections(api) -> dict[str, dict]:
    answer = api.get("/v1/feedback", params={"verdict": "wrong"}, headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return {line["prediction_id"]: line for line in map(json.loads, answer.text.splitlines())}


def wait_for_the_rest(api) -> None:
    """Wait for Postgres and MLflow: the API is ready to predict before they are."""
    wait_until("Postgres is back", lambda: api.get("/v1/feedback").status_code == 200)
    wait_until("MLflow is back", lambda: api.get("/v1/models").status_code == 200)


RESTART = pytest.mark.only_on(
    "compose", reason="a sidecar keeps nothing of its own: to be made anew is the case that counts"
)


@pytest.mark.parametrize("how", [pytest.param("restarted", marks=RESTART), "recreated"])
def test_nothing_is_lost_when_every_container_is(stack, how):
    with stack.api() as api:
        wait_for_the_rest(api)
        given = [give_correction(api) for _ in range(3)]
        before = api.get("/v1/model").json()
        models = api.get("/v1/models").json()

    if how == "restarted":
        stack.compose("restart", *LONG_RUNNING)
    else:
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "600", "--force-recreate")
    wait_until("page and API are back", stack.ready)

    with stack.api() as api:
        wait_for_the_rest(api)
        kept = kept_corrections(api)
        for correction in given:
            assert kept[correction["prediction_id"]]["correction"] == correction["correction"]
            assert kept[correction["prediction_id"]]["comment"] == "ironie"
        assert api.get("/v1/models").json() == models
        after = api.get("/v1/model").json()
        assert (after["version"], after["artifact_digest"]) == (before["version"], before["artifact_digest"])


@pytest.mark.only_on("compose", reason="a sidecar has no durable disk to keep a model or a spool on")
def test_with_everything_behind_it_down_the_api_starts_predicts_and_keeps_corrections(stack):
    behind = ("mlflow", "minio", "postgres")
    stack.compose("stop", *behind)
    try:
        stack.compose("restart", "api")
        wait_until("the API is back", stack.ready)
        with stack.api() as api:
            source = api.get("/v1/model").json()["source"]
            given = give_correction(api)
    finally:
        stack.compose("start", "postgres", "minio", "mlflow")
    with stack.api() as api:
        wait_for_the_rest(api)
        wait_until("the spool is drained", lambda: given["prediction_id"] in kept_corrections(api))

    assert source == "cache"


def write_posts(path) -> None:
    """Write the posts of the first champion, and as many again in a jargon that it cannot know."""
    praise = ["zenlounge", "snackissime", "glidesmooth", "crewlove", "skyjoy", "comfymax"]
    blame = ["queueocalypse", "bagvanish", "gatechaos", "delaypocalypse", "seatcrush", "wifidead"]
    things = ["Paris", "Lyon", "Nice", "Tunis", "the lounge", "the night flight", "boarding", "row twelve", "vol 318"]
    frames = ["{w} on {t} today", "{t}: {w} again", "only {w}, {t} as always", "{t} was {w} from start to end"]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for corpus in sorted(CORPORA.glob("demo_*.csv")):
            with corpus.open(newline="", encoding="utf-8") as posts:
                writer.writerows((row["text"], row["label"]) for row in csv.DictReader(posts))
        for label, words in ((1, praise), (0, blame)):
            for word, thing, frame in itertools.product(words, things, frames):
                writer.writerow([frame.format(w=word, t=thing), label])
    path.chmod(0o644)


def test_a_better_model_is_served_without_a_restart_and_without_one_failed_request(stack, tmp_path):
    tmp_path.chmod(0o755)
    posts = tmp_path / "posts.csv"
    write_posts(posts)
    jargon = "boarding was queueocalypse again"
    with stack.api() as api:
        old = api.get("/v1/model").json()["version"]
    started = stack.inspect("api")["State"]["StartedAt"]

    trained = json.loads(
        stack.compose(
            *("run", "--rm", "--no-deps", "--no-TTY", "--volume", f"{posts}:/data/posts.csv:ro", "trainer"),
            *("train", "tfidf_logreg", "--data", "/data/posts.csv", "--register", "--json"),
        )
    )
    new = str(trained["runs"][0]["version"])
    assert new != old

    answers: list[tuple[int, str]] = []
    enough = threading.Event()

    def keep_asking() -> None:
        with stack.api("ui") as page:
            while not enough.wait(0.1):
                answer = page.post("/v1/predict", json={"text": jargon})
                version = answer.json()["model"]["version"] if answer.status_code == 200 else answer.text
                answers.append((answer.status_code, version))

    asking = [threading.Thread(target=keep_asking) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        promoted = json.loads(
            stack.compose(
                *("run", "--rm", "--no-deps", "--no-TTY", "trainer"),
                *("promote", new, "--reason", "knows the jargon", "--json"),
            )
        )
        wait_until("the new version answers", lambda: answers[-1] == (200, new))
        asked_by_then = len(answers)
        wait_until("some more answers", lambda: len(answers) > asked_by_then + 20)
    finally:
        enough.set()
        for thread in asking:
            thread.join()

    assert promoted["champion"]["version"] == new
    assert promoted["previous"]["version"] == old
    assert {status for status, _ in answers} == {200}
    assert {version for _, version in answers} == {old, new}
    assert stack.inspect("api")["State"]["StartedAt"] == started
    with stack.api() as api:
        assert api.get("/v1/model").json()["version"] == new
        assert api.post("/v1/predict", json={"text": jargon}).json()["sentiment"] == "negative"


def test_a_rollback_by_an_administrator_brings_the_old_one_back(stack, api):
    models = {alias: model["version"] for model in api.get("/v1/models").json()["models"] for alias in model["aliases"]}
    if "previous" not in models:
        pytest.fail("no previous champion: the test of the better model did not get that far")

    answer = api.post("/v1/models/rollback", json={"reason": "end of the test"})

    assert answer.status_code == 200, answer.text
    wait_until("the old version answers", lambda: api.get("/v1/model").json()["version"] == models["previous"])


@pytest.mark.only_on("compose", reason="it is about `docker compose up`; a release on App Service replaces containers")
def test_a_second_up_changes_nothing(stack):
    before = {service: stack.inspect(service)["State"]["StartedAt"] for service in LONG_RUNNING}
    with stack.api() as api:
        champion = api.get("/v1/model").json()["version"]

    stack.compose("up", "--detach", "--wait", "--wait-timeout", "300")

    assert {service: stack.inspect(service)["State"]["StartedAt"] for service in LONG_RUNNING} == before
    with stack.api() as api:
        assert api.get("/v1/model").json()["version"] == champion
