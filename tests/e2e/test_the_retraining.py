"""Corrections given on the page make a challenger in the trainer's container, and the API tries it in the shadow."""

from __future__ import annotations

import itertools
import json

import pytest

from .conftest import Stack, wait_until

pytestmark = pytest.mark.e2e
WORDS = ("brumeplane", "sursiège", "vologâche", "retardite", "bagopoof", "filatrice")
FRAMES = ("encore du {} ce matin", "{} à Lyon, merci", "toujours {} au départ", "un {} et puis voilà", "{}, {} et {}")


def test_corrections_make_a_challenger_that_the_api_tries(stack: Stack) -> None:
    with stack.api("ui") as page:
        for word, frame in itertools.product(WORDS, FRAMES):
            text = frame.format(*[word] * frame.count("{}"))
            said = page.post("/v1/predict", json={"text": text}).json()
            verdict = "correct" if said["sentiment"] == "negative" else "wrong"
            answer = page.post("/v1/feedback", json={"prediction_id": said["id"], "verdict": verdict})
            assert answer.status_code == 201

    retrained = json.loads(
        stack.compose("run", "--rm", "--no-deps", "--no-TTY", "trainer", "retrain", "tfidf_logreg", "--json")
    )

    challenger = retrained["challenger"]["version"]
    assert retrained["corrections"]["used"] >= 20
    assert not retrained["promoted"]
    with stack.api() as api:
        assert api.get("/v1/model").json()["version"] != challenger

        def tried() -> bool:
            api.post("/v1/predict/batch", json={"texts": [f"vol {number}" for number in range(100)]})
            shadow = api.get("/v1/model").json()["shadow"]
            return shadow is not None and shadow["version"] == challenger and shadow["scored"] > 0

        wait_until("the challenger judges in the shadow", tried)
