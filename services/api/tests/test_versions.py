"""Versions beside the champion: loaded on demand, two kept, and none that the gate does not stand by."""

import asyncio
import shutil
import threading
from dataclasses import replace

import pytest

from vigie_api.champion.serving import Serving
from vigie_api.champion.source import FixedSource, RegistrySource
from vigie_api.champion.versions import Versions

pytestmark = pytest.mark.anyio


@pytest.fixture
def four(registry, make_artifact, tmp_path):
    """Versions 1 to 4, each with a bias of its own; 1 is the champion."""
    for number in ("2", "3", "4"):
        registry.add(number, make_artifact(tmp_path / number, bias=float(number)))
    registry.alias = "1"
    return registry


async def _ask(api, version, path="/v1/predict"):
    return await api.client.post(path, json={"text": "Merci", "model_version": version})


async def test_a_version_beside_the_champion_judges_when_it_is_named(running, settings, source, four):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        asked = {version: (await _ask(api, version)).json() for version in ("1", "2", "3")}
        unnamed = (await api.client.post("/v1/predict", json={"text": "Merci"})).json()
    assert {version: said["model"]["version"] for version, said in asked.items()} == {"1": "1", "2": "2", "3": "3"}
    assert asked["1"]["score"] < asked["2"]["score"] < asked["3"]["score"]
    assert unnamed["model"]["version"] == "1"


async def test_a_version_is_loaded_once_and_the_last_two_stay(running, settings, source, four):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        for version in ("2", "3", "2", "2"):
            assert (await _ask(api, version)).status_code == 200
        assert four.downloads == 3  # the champion and two
        assert api.services.versions.loaded == ["3", "2"]
        await _ask(api, "4")
        assert api.services.versions.loaded == ["2", "4"]
        beside = settings.model_cache_dir / "beside"
        assert sorted(folder.name for folder in beside.iterdir()) == ["3", "4"]  # the last two that were fetched


async def test_who_asks_at_the_same_time_shares_one_load(running, settings, source, four):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        answers = await asyncio.gather(*(_ask(api, "2") for _ in range(8)))
        assert {answer.json()["model"]["version"] for answer in answers} == {"2"}
        assert four.downloads == 2


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain"])
async def test_an_unknown_version_is_404(running, settings, source, path):
    async with running(settings, source) as api:
        answer = await _ask(api, "77", path)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:vigie:problem:no-such-version")


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain"])
@pytest.mark.parametrize("change", [{"gate": "failed: worse"}, {"gate": ""}, {"artifact_digest": "sha256:other"}])
async def test_a_version_that_may_not_serve_is_409(running, settings, source, four, path, change):
    four.releases["2"] = replace(four.releases["2"], **change)
    async with running(settings, source) as api:
        answer = await _ask(api, "2", path)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:vigie:problem:version-refused")
        assert api.services.versions.loaded == []


async def test_a_version_that_cannot_be_read_is_409_and_downloaded_again_next_time(running, settings, source, four):
    whole = four.folders["2"]
    four.folders["2"] = whole.with_name("broken")
    shutil.copytree(whole, four.folders["2"])
    (four.folders["2"] / "head.npz").write_bytes(b"damaged")
    async with running(settings, source) as api:
        assert (await _ask(api, "2")).status_code == 409
        four.folders["2"] = whole
        assert (await _ask(api, "2")).status_code == 200


async def test_the_unforeseen_is_503_and_says_nothing_of_the_inside(running, settings, registry):
    def explode(folder):
        raise ZeroDivisionError("inside")

    async with running(settings, RegistrySource(registry, settings.model_cache_dir, explode)) as api:
        answer = await _ask(api, "1")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "inside" not in answer.text


async def test_the_champion_answers_while_a_version_is_on_its_way(running, settings, source, four, monkeypatch, until):
    go, began = threading.Event(), threading.Event()
    download = four.download

    def slow(version, into):
        if version == "2":
            began.set()
            go.wait()
        return download(version, into)

    monkeypatch.setattr(four, "download", slow)
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        asking = asyncio.create_task(_ask(api, "2"))
        await until(began.is_set)
        assert (await api.client.post("/v1/predict", json={"text": "Merci"})).status_code == 200
        four.alias = "3"
        assert (await api.client.post("/v1/model/refresh")).json()["changed"] is True
        go.set()
        assert (await asking).json()["model"]["version"] == "2"


async def test_too_many_waiting_for_versions_are_503(running, settings, source, four, monkeypatch, until):
    go = threading.Event()
    release = four.release
    monkeypatch.setattr(four, "release", lambda version: go.wait() and release(version))
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        waiting = [asyncio.create_task(_ask(api, "2")) for _ in range(32)]
        await until(lambda: api.services.versions._waiting == 32)
        assert (await _ask(api, "3")).status_code == 503
        go.set()
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}


async def test_with_the_registry_away_only_what_is_loaded_answers(running, settings, source, four):
    async with running(settings, source) as api:
        await api.services.refresher.refresh()
        await _ask(api, "2")
        four.away = True
        assert (await _ask(api, "2")).status_code == 200
        answer = await _ask(api, "3")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:vigie:problem:registry-away")


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def versions(source):
    versions = Versions("sentiment", source, Serving(), recheck_s=10, clock=Clock())
    yield versions
    versions.close()


async def test_a_version_that_fails_the_gate_later_is_let_go_at_the_next_look(versions, four):
    await versions.get("2")
    four.releases["2"] = replace(four.releases["2"], gate="failed: judged again")
    assert (await versions.get("2")).version == "2"
    versions._clock.now_s = 11
    with pytest.raises(Exception, match="judged again"):
        await versions.get("2")
    assert versions.loaded == []


async def test_a_look_that_finds_nothing_new_loads_nothing_and_an_absent_registry_changes_nothing(versions, four):
    first = await versions.get("2")
    for now_s, away in ((11, False), (22, True)):
        versions._clock.now_s, four.away = now_s, away
        assert await versions.get("2") is first
    assert four.downloads == 1


async def test_a_version_registered_anew_is_loaded_anew(versions, four, make_artifact, tmp_path):
    first = await versions.get("2")
    four.add("2", make_artifact(tmp_path / "again", bias=9.0))
    versions._clock.now_s = 11
    assert (await versions.get("2")).release != first.release


async def test_a_fixed_source_knows_its_own_version_and_no_other(running, settings, constant):
    async with running(settings, FixedSource(constant(), version="5")) as api:
        assert (await _ask(api, "5")).status_code == 200
        assert (await _ask(api, "6")).status_code == 404
