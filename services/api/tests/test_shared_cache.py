"""Replicas that share the models' folder: one downloads, the others find it there, and nobody takes another's away."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from vigie_api.champion.serving import Release
from vigie_api.champion.source import CacheBusy, RegistrySource, load_artifact
from vigie_api.folder_lock import locked

REPLICAS = 3


@pytest.fixture
def replicas(registry, tmp_path):
    """Sources with one registry and one folder, as processes that mount one volume."""
    return [RegistrySource(registry, tmp_path / "models") for _ in range(REPLICAS)]


def test_of_replicas_that_follow_the_alias_at_once_one_downloads(registry, replicas, tmp_path):
    together = threading.Barrier(REPLICAS)

    def follow(source):
        release = source.champion()
        together.wait()
        scorer = source.load(release)
        source.remember(release)
        return scorer.predict_one("Vol parfait").sentiment

    with ThreadPoolExecutor(REPLICAS) as threads:
        assert list(threads.map(follow, replicas)) == ["positive"] * REPLICAS
    assert registry.downloads == 1
    assert sorted(found.name for found in (tmp_path / "models").iterdir()) == ["1", "champion.json"]


def test_the_version_before_stays_on_disk_however_many_replicas_swap(registry, replicas, make_artifact, tmp_path):
    for version in ("2", "3"):
        registry.add(version, make_artifact(tmp_path / f"v{version}", float(version)))
        for source in replicas:
            release = source.champion()
            source.load(release)
            source.remember(release)
    kept = {found.name for found in (tmp_path / "models").iterdir()}
    assert kept == {"2", "3", "champion.json"}
    assert all(source.remembered()[0].version == "3" for source in replicas)


def test_what_a_replica_reads_is_not_removed_before_it_is_through(registry, replicas, make_artifact, tmp_path):
    one, other, _ = replicas
    first = one.champion()
    one.load(first)
    one.remember(first)
    registry.add("2", make_artifact(tmp_path / "two", 2.0))
    registry.add("3", make_artifact(tmp_path / "three", 3.0))
    removing = []

    def read(folder):
        """While this replica loads version 1, the other swaps to 2 and 3: it has to wait before it may clean up."""
        for version in ("2", "3"):
            release = registry.release(version)
            removing.append(threading.Thread(target=other.remember, args=(release,)))
            removing[-1].start()
        removing[-1].join(0.2)
        return load_artifact(folder)

    slow = RegistrySource(registry, tmp_path / "models", read)
    assert slow.load(first).predict_one("Vol parfait").sentiment == "positive"
    for thread in removing:
        thread.join()
    assert not (tmp_path / "models" / "1").exists()


def test_a_neighbour_that_never_lets_go_of_the_folder_is_said_and_what_is_there_serves(registry, tmp_path):
    models = tmp_path / "models"
    patient = RegistrySource(registry, models)
    release = patient.champion()
    patient.load(release)
    patient.remember(release)
    hasty = RegistrySource(registry, models, patience_s=0.1)
    newer = Release("9", "tiny", "sha256:new", "passed: fine", "run")
    with locked(models) as held:
        assert held
        assert hasty.load(release).predict_one("Vol parfait").sentiment == "positive"
        with pytest.raises(CacheBusy):
            hasty.load(newer)
        hasty.remember(release)
    assert patient.remembered()[0] == release
