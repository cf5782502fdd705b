"""A long text is judged in a thread, so that nobody waits for it; a tweet is judged where it is."""

import threading

import pytest

from vigie_api.champion.serving import Verdict
from vigie_api.champion.source import FixedSource

pytestmark = pytest.mark.anyio


class Noting:
    """A light model that notes in which thread it judged which text."""

    cost = "light"

    def __init__(self):
        self.seen = {}

    def predict_one(self, text):
        self.seen[text] = threading.current_thread() is threading.main_thread()
        return Verdict("positive", 0.9, 0.9, False, "en")

    def predict(self, texts):
        return [self.predict_one(text) for text in texts]


async def test_a_long_text_is_judged_off_the_event_loop_and_a_tweet_on_it(running, settings):
    model, tweet, long = Noting(), "Merci !", "a" * 10_000
    async with running(settings, FixedSource(model)) as api:
        model.seen.clear()  # it was warmed
        for text in (tweet, long):
            answer = await api.client.post("/v1/predict", json={"text": text})
            assert (answer.status_code, answer.json()["sentiment"]) == (200, "positive")
        assert model.seen == {tweet: True, long: False}
        model.seen.clear()
        answer = await api.client.post("/v1/predict/batch", json={"texts": [tweet, long, "b" * 280]})
        assert len(answer.json()["predictions"]) == 3
        assert model.seen == {tweet: True, long: False, "b" * 280: True}
