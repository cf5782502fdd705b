"""The served model: found, verified, swapped under load, kept on disk, and never replaced by something worse."""

import asyncio
import math
import threading
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace

import pytest

import vigie_model
from vigie_api.champion.refresh import Refresher
from vigie_api.champion.serving import NoModel, Release, Serving, Unfit, serve
from vigie_api.champion.source import FixedSource, Refused, RegistrySource, judge, load_artifact
from vigie_api.champion.versions import Versions
from vigie_api.telemetry.events import Telemetry

pytestmark = pytest.mark.anyio


async def _version(api) -> str:
    answer = await api.client.post("/v1/predict", json={"text": "Merci"})
    assert answer.status_code == 200, answer.text
    return answer.json()["model"]["version"]


async def test_the_champion_serves_soon_after_the_start(running, settings, source, until):
    async with running(settings, source) as api:
        await until(lambda: api.services.serving.current is not None)
        said = (await api.client.get("/v1/model")).json()
        assert (said["version"], said["recipe"], said["source"], said["refresh_error"]) == (
            "1",
            "tiny",
            "registry",
            None,
        )
        assert said["uncertain"] == {"low": 0.4, "high": 0.6}
        assert said["trained"] == {"dataset": "tiny"}
        assert said["artifact_digest"].startswith("sha256:")
        assert (await api.client.get("/readyz")).json()["model_version"] == "1"


async def test_without_a_model_every_prediction_is_503_with_the_reason(running, settings, source, registry, until):
    registry.alias = None
    async with running(settings, source) as api:
        await until(lambda: api.services.refresher.error is not None)
        for answer in (
            await api.client.post("/v1/predict", json={"text": "a"}),
            await api.client.post("/v1/predict/batch", json={"texts": ["a"]}),
            await api.client.get("/v1/model"),
            await api.client.get("/readyz"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert "Nobody." in answer.json()["detail"]
        assert (await api.client.get("/livez")).status_code == 200
        assert "vigie_model_refresh_failures_total 1.0" in (await api.client.get("/metrics")).text
        assert "vigie_model_age_seconds NaN" in (await api.client.get("/metrics")).text


async def test_a_refresh_swaps_to_the_new_champion_without_a_restart(
    running, settings, source, registry, make_artifact, tmp_path
):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        assert await _version(api) == "1"
        registry.add("2", make_artifact(tmp_path / "two", bias=1.0))
        answer = (await api.client.post("/v1/model/refresh")).json()
        assert (answer["changed"], answer["model"]["version"]) == (True, "2")
        assert (await api.client.post("/v1/model/refresh")).json()["changed"] is False
        assert await _version(api) == "2"
        assert 'vigie_model_info{recipe="tiny",version="2"} 1.0' in (await api.client.get("/metrics")).text
        assert "vigie_model_swaps_total 2.0" in (await api.client.get("/metrics")).text


async def test_no_request_fails_while_models_swap(running, settings, source, registry, make_artifact, tmp_path):
    scores = {}
    for version, bias in (("1", 0.0), ("2", 1.5)):
        folder = make_artifact(tmp_path / f"v{version}", bias=bias)
        registry.add(version, folder)
        scores[version] = vigie_model.load(folder).predict_one("Merci").score
    stop = asyncio.Event()
    seen: dict[str, set[float]] = {"1": set(), "2": set()}

    async def ask(client):
        while not stop.is_set():
            one = await client.post("/v1/predict", json={"text": "Merci"})
            many = await client.post("/v1/predict/batch", json={"texts": ["Merci"] * 50})
            assert (one.status_code, many.status_code) == (200, 200)
            together = many.json()["predictions"]
            assert len({said["model"]["version"] for said in together}) == 1
            for said in (one.json(), *together):
                seen[said["model"]["version"]].add(said["score"])
            await asyncio.sleep(0)  # in process nothing else lets the others in

    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        asking = [asyncio.create_task(ask(api.client)) for _ in range(4)]
        for turn in range(10):
            registry.alias = "1" if turn % 2 else "2"
            await api.services.refresher.refresh()
        stop.set()
        await asyncio.gather(*asking)
    assert seen == {version: {score} for version, score in scores.items()}


async def test_a_failed_refresh_keeps_what_serves_and_says_so_once(running, settings, source, registry, caplog):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        registry.away = True
        for _ in range(2):
            answer = await api.client.post("/v1/model/refresh")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert await _version(api) == "1"
        assert (await api.client.get("/v1/model")).json()["refresh_error"] == "MLflow is away."
        assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["refresh failed"]
        assert "vigie_model_refresh_failures_total 2.0" in (await api.client.get("/metrics")).text
        registry.away = False
        assert (await api.client.post("/v1/model/refresh")).json()["model"]["refresh_error"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gate": "failed: worse"}, "failed: worse"),
        ({"gate": ""}, "never judged"),
        ({"artifact_digest": ""}, "no artifact digest"),
        ({"artifact_digest": "sha256:other"}, "not the one the gate recorded"),
    ],
)
async def test_a_version_that_the_gate_did_not_pass_never_serves(
    running, settings, source, registry, make_artifact, tmp_path, change, reason
):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        registry.add("2", make_artifact(tmp_path / "two", bias=1.0))
        registry.releases["2"] = replace(registry.releases["2"], **change)
        answer = await api.client.post("/v1/model/refresh")
        assert answer.status_code == 409
        assert reason in answer.json()["detail"]
        assert await _version(api) == "1"
    assert not (settings.model_cache_dir / "2").exists()


async def test_an_artifact_that_cannot_be_loaded_keeps_the_old_model(
    running, settings, source, registry, make_artifact, tmp_path
):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        folder = make_artifact(tmp_path / "two")
        (folder / "head.npz").write_bytes(b"damaged")
        registry.add("2", folder)
        answer = await api.client.post("/v1/model/refresh")
        assert answer.status_code == 409
        assert "cannot be loaded" in answer.json()["detail"]
        assert await _version(api) == "1"
    assert not (settings.model_cache_dir / "2").exists()


async def test_the_unforeseen_keeps_the_old_model_too(running, settings, fixed, monkeypatch):
    async with running(settings) as api:
        await api.services.refresher.refresh()

        def explode():
            raise ZeroDivisionError

        monkeypatch.setattr(fixed, "champion", explode)
        answer = await api.client.post("/v1/model/refresh")
        assert answer.status_code == 503
        assert await _version(api) == "1"


async def test_the_api_starts_and_serves_from_disk_while_the_registry_is_away(running, settings, source, registry):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
    registry.away = True
    again = RegistrySource(registry, settings.model_cache_dir)
    async with running(settings, again, ready=False) as api:
        assert await _version(api) == "1"  # at once: nothing was waited for
        said = (await api.client.get("/v1/model")).json()
        assert said["source"] == "cache"
        registry.away = False
        assert (await api.client.post("/v1/model/refresh")).json()["changed"] is False
        assert (await api.client.get("/v1/model")).json()["source"] == "registry"
    assert registry.downloads == 1


@pytest.mark.parametrize("damage", ["manifest.json", "head.npz", "champion.json"])
async def test_a_damaged_cache_is_never_served_and_heals(running, settings, source, registry, damage, until):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
    target = settings.model_cache_dir / ("champion.json" if damage == "champion.json" else f"1/{damage}")
    target.write_bytes(b"{}")
    registry.away = True
    async with running(settings, RegistrySource(registry, settings.model_cache_dir)) as api:
        assert (await api.client.post("/v1/predict", json={"text": "a"})).status_code == 503
        registry.away = False
        await api.services.refresher.refresh()
        assert await _version(api) == "1"


async def test_a_cache_that_explodes_does_not_stop_the_start(running, settings, fixed, monkeypatch):
    def explode():
        raise ZeroDivisionError

    monkeypatch.setattr(fixed, "remembered", explode)
    async with running(settings) as api:
        assert (await api.client.get("/livez")).status_code == 200


async def test_the_cache_keeps_the_served_version_and_the_one_before(
    source, registry, make_artifact, tmp_path, settings
):
    (settings.model_cache_dir / ".download-dead").mkdir(parents=True)
    for version in ("2", "3", "4"):
        registry.add(version, make_artifact(tmp_path / version, bias=float(version)))
        release = source.champion()
        source.load(release)
        source.remember(release)
    assert sorted(path.name for path in settings.model_cache_dir.iterdir()) == ["3", "4", "champion.json"]


async def test_the_poll_follows_the_alias_by_itself(
    running, settings, source, registry, make_artifact, tmp_path, until
):
    async with running(settings.model_copy(update={"poll_s": 0.01}), source) as api:
        registry.add("2", make_artifact(tmp_path / "two"))
        await until(lambda: api.services.serving.current and api.services.serving.current.version == "2")
        registry.away = True
        await until(lambda: api.services.refresher.error is not None)
        registry.away = False
        await until(lambda: api.services.refresher.error is None)


async def test_an_empty_cache_remembers_nothing(source):
    assert source.remembered() is None


def test_a_real_artifact_is_loaded_with_its_digest_verified(make_artifact, tmp_path):
    folder = make_artifact(tmp_path / "artifact")
    assert load_artifact(folder).digest == vigie_model.artifact_digest(folder)


def test_a_release_without_a_verdict_is_refused():
    with pytest.raises(Refused):
        judge(Release("1", "tiny", "sha256:x", "Passed: capital letters are not the gate's"))


def test_a_fixed_source_is_always_the_same(constant):
    fixed = FixedSource(constant(), version="5", recipe="constant")
    fixed.remember(fixed.champion())
    release, scorer = fixed.remembered()
    assert (release.version, scorer) == ("5", fixed.load(release))


def test_nothing_serves_before_the_first_load():
    from vigie_api.champion.serving import Serving

    with pytest.raises(NoModel):
        Serving().get()


class Poisoned(FixedSource):
    """The registry's champion is version 2, which loads; version 1 served before."""

    def __init__(self, sound, poisoned):
        super().__init__(sound)
        self.tried = 0
        self._poisoned = poisoned

    def champion(self):
        return Release("2", "poison", artifact_digest="sha256:two", gate="passed: by mistake")

    def load(self, release):
        self.tried += 1
        return self._poisoned


class Slow:
    """Judges well, and takes its time: `rests` is called for each text that it has not seen `patience` times."""

    cost = "heavy"

    def __init__(self, sound, rests, patience=math.inf):
        self._sound = sound
        self._rests = rests
        self._patience = patience
        self._seen = Counter()

    def predict_one(self, text):
        if self._seen[text] < self._patience:
            self._rests()
        self._seen[text] += 1
        return self._sound.predict_one(text)

    def predict(self, texts):
        return self._sound.predict(texts)


class Clock:
    """Stands still unless it is told otherwise."""

    def __init__(self):
        self._now_s = 0.0

    def __call__(self):
        return self._now_s

    def pass_by(self, seconds):
        self._now_s += seconds


class Silent:
    """Knows no text."""

    cost = "light"

    def predict_one(self, text):
        raise LookupError(text)


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        (lambda sound: sound(math.nan), "Version 2 fails when it judges a tweet (it answers with no verdict)."),
        (lambda sound: sound(1.5), "Version 2 fails when it judges a tweet (it answers with no verdict)."),
        (lambda sound: Slow(sound(), lambda: time.sleep(0.02)), "are allowed (VIGIE_API_MODEL_WITHIN_S)."),
        (lambda sound: Silent(), "Version 2 fails when it judges a tweet (LookupError)."),
    ],
    ids=["NaN", "no probability", "slow", "failing"],
)
async def test_a_version_that_is_unfit_is_not_swapped_in(running, settings, constant, poison, reason):
    source = Poisoned(constant(), poison(constant))
    within = settings.model_copy(update={"model_within_s": 0.001})
    async with running(within, source) as api:
        answer = await api.client.post("/v1/model/refresh")
        assert answer.status_code == 409
        assert answer.json()["detail"].endswith(reason)
        said = (await api.client.get("/v1/model")).json()
        assert (said["version"], said["refresh_error"]) == ("1", answer.json()["detail"])
        failures = api.services.metrics.registry.get_sample_value("vigie_model_refresh_failures_total")
        assert failures >= 1.0
        assert await _version(api) == "1"


async def test_a_version_that_is_unfit_is_not_tried_at_every_poll_but_when_somebody_insists(
    running, settings, constant
):
    source = Poisoned(constant(), constant(math.nan))
    async with running(settings, source) as api:
        for _ in range(3):
            with pytest.raises(Unfit):
                await api.services.refresher.refresh()
        assert source.tried == 1
        assert (await api.client.post("/v1/model/refresh")).status_code == 409
        assert source.tried == 2


@pytest.mark.parametrize(("patience", "fit"), [(0, True), (1, True), (2, False)])
def test_a_version_may_be_slow_once_for_each_text_while_it_is_cold(constant, patience, fit):
    clock = Clock()
    scorer = Slow(constant(), lambda: clock.pass_by(3.0), patience)
    release = Release("2", "slow", artifact_digest="sha256:two", gate="passed: fine")
    with nullcontext() if fit else pytest.raises(Unfit, match="2 s are allowed"):
        assert serve("sentiment", release, scorer, within_s=2.0, clock=clock).version == "2"


async def test_the_version_on_disk_serves_again_after_a_start_however_slow_the_machine_is(running, settings, constant):
    source = FixedSource(Slow(constant(), lambda: time.sleep(0.02)))
    async with running(settings.model_copy(update={"model_within_s": 0.001}), source) as api:
        assert await _version(api) == "1"


async def test_a_version_whose_first_judgement_never_ends_is_refused_and_the_next_is_taken(constant, until, caplog):
    ended = threading.Event()
    source = Poisoned(constant(), Slow(constant(), ended.wait))
    serving, hung = Serving(), source.champion()
    refresher = Refresher("sentiment", source, serving, Telemetry(()))
    versions = Versions("sentiment", source, serving, recheck_s=60, warm_up_s=0.05)
    try:
        await refresher.start_from_cache()
        refresher._warm_up._limit_s = 0.05
        for _ in range(2):  # the second time it is not even loaded
            with pytest.raises(Unfit, match=r"Version 2 has not judged a few tweets within 0\.05 s"):
                await refresher.refresh(insist=True)
        assert (serving.get().version, source.tried) == ("1", 1)
        assert refresher.error in {record.reason for record in caplog.records if record.msg == "refresh failed"}

        source.version = lambda number: hung
        source.load_beside = source.load
        with pytest.raises(Unfit, match="has not judged"):  # named by a request, beside the champion
            await versions.get("2")

        refresher._warm_up._limit_s = 60.0
        source.champion = lambda: replace(hung, version="3")
        source.load = lambda release: constant()
        assert await refresher.refresh() is True
        assert (serving.get().version, refresher.error) == ("3", None)

        source.champion = lambda: hung
        ended.set()  # then it is tried again
        await until(lambda: all(thread.name != "warm-up" for thread in threading.enumerate()))
        assert await refresher.refresh(insist=True) is True
        assert serving.get().version == "2"
    finally:
        ended.set()
        refresher.close()
        versions.close()
