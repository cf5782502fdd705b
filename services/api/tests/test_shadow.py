"""The challenger judges a sample of live traffic, and whatever it does, nobody who asks for a prediction notices."""

import math
import random
import shutil
from dataclasses import replace

import pytest
from sqlalchemy import select

import vigie_model
from vigie_api.champion.source import RegistrySource
from vigie_api.prediction.table import PredictionRow
from vigie_api.settings import Settings
from vigie_api.shadow.comparison import percentile
from vigie_api.shadow.scoring import score
from vigie_api.shadow.shadow import FAILURES_IN_A_ROW, QUEUE
from vigie_api.shadow.table import shadow_scores

pytestmark = pytest.mark.anyio

TWEETS = ("Merci, vol parfait !", "Worst flight, cancelled.", "Gate 12.", "Great crew", "content")


class Broken:
    """A model that loads, is warm, and then breaks as it is told to."""

    cost = "light"

    def __init__(self, scorer):
        self._scorer = scorer
        self.breaks = False
        self.says = None

    def predict_one(self, text):
        if self.breaks:
            raise MemoryError
        return self._scorer.predict_one(text) if self.says is None else self.says

    def predict(self, texts):
        return [self.predict_one(text) for text in texts]


@pytest.fixture
def everything(settings):
    """Settings under which every prediction is judged twice."""
    return settings.model_copy(update={"shadow_sample": 1.0})


@pytest.fixture
def contested(registry, make_artifact, tmp_path):
    """A champion, version 1, and a challenger, version 2, that finds everything worse."""
    registry.add("2", make_artifact(tmp_path / "two", bias=-2.2))
    registry.alias, registry.challenger = "1", "2"
    return registry


async def ask(api, texts=TWEETS):
    answers = []
    for text in texts:
        answer = await api.client.post("/v1/predict", json={"text": text})
        assert answer.status_code == 200
        answers.append(answer.json())
    return answers


async def followed(api):
    await api.services.refresher.refresh()
    await api.services.shadow.follow()
    return api.services.shadow


async def told(api):
    return (await api.client.get("/v1/model")).json()["shadow"]


async def test_every_opinion_of_the_challenger_is_kept_beside_the_prediction_it_is_about(
    running, everything, source, contested, database_url
):
    async with running(Settings(**everything.model_dump() | {"database_url": database_url}), source) as api:
        shadow = await followed(api)
        answers = await ask(api)
        await shadow.work()
        kept = await api.services.database.read(lambda connection: connection.execute(select(shadow_scores)).all())
        shown = await told(api)
    challenger = vigie_model.load(contested.folders["2"])
    assert {row.prediction_id: row.score for row in kept} == {
        answer["id"]: challenger.predict_one(text).score for answer, text in zip(answers, TWEETS, strict=True)
    }
    for row in kept:
        answer = next(answer for answer in answers if answer["id"] == row.prediction_id)
        assert row.agrees == (row.sentiment == answer["sentiment"])
        assert row.shift == pytest.approx(row.score - answer["score"])
        assert (row.version, row.champion_version) == ("2", "1")
        assert row.scored_at.tzinfo is not None
    assert 0 < sum(row.agrees for row in kept) < len(kept)
    assert shown["agreement"] == sum(row.agrees for row in kept) / len(kept)
    assert shown["mean_shift"] == pytest.approx(sum(row.shift for row in kept) / len(kept))
    assert (shown["version"], shown["recipe"], shown["sample"], shown["scored"]) == ("2", "tiny", 1.0, len(TWEETS))
    assert (shown["dropped"], shown["error"]) == (0, None)
    for role in ("champion", "challenger"):
        assert 0 < shown["latency_ms"][role]["p50"] <= shown["latency_ms"][role]["p95"]


async def test_a_new_start_goes_on_with_what_was_measured_before(running, everything, source, contested, database_url):
    settings = Settings(**everything.model_dump() | {"database_url": database_url})
    for expected in (5, 10):
        async with running(settings, source) as api:
            shadow = await followed(api)
            await ask(api)
            await shadow.work()
            assert (await told(api))["scored"] == expected


async def test_the_sample_is_the_share_that_was_set(running, settings, source, contested):
    random.seed(7)
    async with running(settings.model_copy(update={"shadow_sample": 0.3}), source) as api:
        shadow = await followed(api)
        await api.client.post("/v1/predict/batch", json={"texts": ["Great"] * 1_000})
        await shadow.work()
        assert 240 < (await told(api))["scored"] < 360


async def test_no_share_loads_no_challenger(running, settings, source, contested):
    async with running(settings.model_copy(update={"shadow_sample": 0.0}), source) as api:
        await followed(api)
        assert await told(api) is None
        assert contested.downloads == 1


async def test_without_the_alias_there_is_no_shadow_and_taking_it_away_ends_it(running, everything, source, contested):
    async with running(everything, source) as api:
        shadow = await followed(api)
        assert (await told(api))["version"] == "2"
        contested.challenger = None
        await shadow.follow()
        assert await told(api) is None
        assert not shadow.active
        assert "vigie_challenger_info{" not in (await api.client.get("/metrics")).text


async def test_a_challenger_that_is_promoted_is_no_longer_its_own_shadow(running, everything, source, contested):
    async with running(everything, source) as api:
        shadow = await followed(api)
        contested.alias = "2"
        await api.services.refresher.refresh()
        await ask(api)
        await shadow.work()
        assert await told(api) is None
        await shadow.follow()
        assert not shadow.active


async def test_only_what_the_champion_answered_is_judged(running, everything, source, contested):
    async with running(everything, source) as api:
        shadow = await followed(api)
        answer = await api.client.post("/v1/predict", json={"text": "Great", "model_version": "2"})
        assert answer.json()["model"]["version"] == "2"
        await shadow.work()
        assert (await told(api))["scored"] == 0


async def test_a_version_that_the_gate_refused_may_be_watched(running, everything, source, contested):
    contested.releases["2"] = replace(contested.releases["2"], gate="failed: slow")
    async with running(everything, source) as api:
        await followed(api)
        shown = await told(api)
        assert (shown["gate"], shown["error"]) == ("failed: slow", None)


@pytest.mark.parametrize("digest", ["", "sha256:" + "0" * 64])
async def test_an_artifact_that_the_gate_did_not_see_is_not_loaded(running, everything, source, contested, digest):
    contested.releases["2"] = replace(contested.releases["2"], artifact_digest=digest)
    async with running(everything, source) as api:
        shadow = await followed(api)
        await ask(api)
        assert not shadow.active
        assert "gate recorded" in (await told(api))["error"]


async def test_a_challenger_that_cannot_be_loaded_is_said_and_hurts_nobody(running, everything, contested, tmp_path):
    def load(folder):
        if folder.parent.name == "shadow":
            raise RuntimeError("an opset of the future")
        return vigie_model.load(folder)

    async with running(everything, RegistrySource(contested, tmp_path / "cache", load)) as api:
        shadow = await followed(api)
        await ask(api)
        shown = await told(api)
        assert (shown["version"], shown["since"]) == ("2", None)
        assert "could not be loaded" in shown["error"]
        downloads = contested.downloads
        await shadow.follow()
        assert contested.downloads == downloads


@pytest.mark.parametrize("says", [("positive", math.nan, 1.0, False, "en"), ("glad", 0.5, 1.0, False, "en"), None])
async def test_a_challenger_that_raises_or_says_nonsense_is_set_aside(running, everything, contested, tmp_path, says):
    broken = []

    def load(folder):
        model = vigie_model.load(folder)
        if folder.parent.name == "shadow":
            broken.append(Broken(model))
            return broken[0]
        return model

    async with running(everything, RegistrySource(contested, tmp_path / "cache", load)) as api:
        shadow = await followed(api)
        broken[0].breaks, broken[0].says = says is None, says
        await ask(api, ["Great"] * FAILURES_IN_A_ROW)
        await shadow.work()
        assert not shadow.active
        await shadow.follow()
        shown = await told(api)
        assert "was set aside" in shown["error"]
        assert shown["scored"] == 0
        await ask(api)
        assert f"vigie_shadow_failures_total {FAILURES_IN_A_ROW}.0" in (await api.client.get("/metrics")).text


async def test_what_does_not_fit_in_the_queue_is_dropped_and_counted(running, everything, source, contested):
    async with running(everything, source) as api:
        shadow = await followed(api)
        async with shadow._working:  # as while a slow challenger is at work
            for _ in range(2):
                await api.client.post("/v1/predict/batch", json={"texts": ["Great"] * 1_000})
        assert (await told(api))["dropped"] >= 2_000 - QUEUE - 50
        assert 'vigie_shadow_dropped_total{reason="queue-full"}' in (await api.client.get("/metrics")).text


async def test_opinions_wait_for_a_database_that_is_away(running, everything, source, contested, own_postgres):
    settings = Settings(**everything.model_dump() | {"database_url": own_postgres.new_database()})
    async with running(settings, source) as api:
        shadow = await followed(api)
        own_postgres.stop()
        await ask(api)
        with pytest.raises(Exception, match="does not answer"):
            await shadow.work()
        own_postgres.start()
        await shadow.work()
        assert len(await api.services.database.read(lambda c: c.execute(select(shadow_scores)).all())) == len(TWEETS)
        assert (await told(api))["scored"] == len(TWEETS)


async def test_the_versions_in_the_metrics_are_those_at_work(
    running, everything, source, contested, make_artifact, tmp_path
):
    contested.add("3", make_artifact(tmp_path / "three", bias=-4.0))
    contested.alias = "1"
    async with running(everything, source) as api:
        shadow = await followed(api)
        for version in ("2", "3"):
            contested.challenger = version
            await shadow.follow()
            await ask(api)
            await shadow.work()
        text = (await api.client.get("/metrics")).text
        assert 'vigie_shadow_scored_total{agrees="no",model_version="3"}' in text
        assert 'model_version="2"' not in text


async def test_a_registry_that_is_away_leaves_the_challenger_at_work(running, everything, source, contested):
    async with running(everything, source) as api:
        shadow = await followed(api)
        contested.away = True
        await shadow.follow()
        await ask(api)
        await shadow.work()
        shown = await told(api)
        assert (shown["scored"], shown["error"]) == (len(TWEETS), "MLflow is away.")
        contested.away = False
        await shadow.follow()
        assert (await told(api))["error"] is None


def test_a_folder_of_the_challenger_does_not_grow(contested, source, settings, make_artifact, tmp_path):
    contested.add("3", make_artifact(tmp_path / "three"))
    for version in ("2", "3"):
        source.load_challenger(contested.releases[version])
    assert [folder.name for folder in (settings.model_cache_dir / "shadow").iterdir()] == ["3"]
    shutil.rmtree(settings.model_cache_dir)


def test_one_tweet_that_breaks_it_leaves_the_others_judged(constant):
    class Fussy(constant):
        def predict_one(self, text):
            if text == "bad":
                raise ValueError
            return super().predict_one(text)

    rows = [PredictionRow(str(n), 0.0, text, "positive", 0.9, False, "en", "1", "r") for n, text in enumerate("a")]
    rows.append(rows[0]._replace(id="9", text="bad"))
    done = score("2", Fussy(), constant(), rows)
    assert ([row.prediction_id for row in done.rows], done.failures) == (["0"], 1)
    assert "bad" not in done.error


def test_champion_and_challenger_are_timed_from_a_rest_alike(constant, monkeypatch):
    turns = []

    class Named(constant):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def predict_one(self, text):
            turns.append(self.name)
            return super().predict_one(text)

    monkeypatch.setattr("vigie_api.shadow.scoring.time.sleep", lambda _: turns.append("rest"))
    rows = [PredictionRow(str(n), 0.0, text, "positive", 0.9, False, "en", "1", "r") for n, text in enumerate("ab")]
    done = score("2", Named("challenger"), Named("champion"), rows)
    assert turns == ["champion", "rest", "challenger", "rest", "challenger", "rest"]
    assert (len(done.champion_s), len(done.challenger_s)) == (1, 2)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2), (0.95, 4), (0.01, 1), (1.0, 4)])
def test_a_percentile_is_one_of_the_values(share, expected):
    assert percentile([1, 2, 3, 4], share) == expected
