"""Moving the champion, in a registry of the machine's own."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from mlflow.exceptions import MlflowException

from vigie_trainer.errors import Refused
from vigie_trainer.promotion import release
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import Store, connect
from vigie_trainer.tracking.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    by_alias,
    by_number,
    move_champion,
    set_challenger,
)


@pytest.fixture
def store(home: Path) -> Store:
    """A registry with a version that challenges nobody yet."""
    found = connect(Settings())
    found.client.create_registered_model(found.name)
    found.client.create_model_version(found.name, source=home.as_uri())
    set_challenger(found, by_number(found, "1"))
    return found


def test_a_challenger_that_became_champion_challenges_no_more(store: Store) -> None:
    move_champion(store, by_number(store, "1"), None, "it passed")
    assert by_alias(store, CHAMPION).number == "1"
    assert by_alias(store, CHALLENGER) is None


def test_an_account_that_may_delete_no_alias_moves_the_champion_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise MlflowException("Permission denied", error_code=7)  # as a server says it to an account with EDIT

    monkeypatch.setattr(store.client, "delete_registered_model_alias", refused)
    move_champion(store, by_number(store, "1"), None, "it passed")
    assert by_alias(store, CHAMPION).number == "1"


def _in_step(store: Store, looked: Barrier, wrote: Barrier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner writes nothing before all have looked, and looks again after all have written."""
    tag, point = store.client.set_model_version_tag, store.client.set_registered_model_alias

    def tagged(name: str, version: str, key: str, value: str) -> None:
        if key == "vigie.promoted_by":  # the first that is written of a move
            looked.wait(60)
        tag(name, version, key, value)

    def pointed(name: str, alias: str, version: str) -> None:
        point(name, alias, version)
        if alias == CHAMPION:
            wrote.wait(60)

    monkeypatch.setattr(store.client, "set_model_version_tag", tagged)
    monkeypatch.setattr(store.client, "set_registered_model_alias", pointed)


def test_of_two_promotions_at_the_same_moment_one_counts_and_the_other_is_told(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = by_number(store, "1")
    move_champion(store, first, None, "it passed")
    for _ in range(2):
        store.client.create_model_version(store.name, source=home.as_uri())
    other = connect(Settings())
    looked, wrote = Barrier(2), Barrier(2)
    for one in (store, other):
        _in_step(one, looked, wrote, monkeypatch)

    with ThreadPoolExecutor(2) as threads:
        asked = {
            number: threads.submit(release, one, by_number(one, number), first, "at once")
            for number, one in (("2", store), ("3", other))
        }
        told = {number: done.exception() for number, done in asked.items()}

    champion = by_alias(store, CHAMPION).number
    assert told[champion] is None
    (refused,) = (error for number, error in told.items() if number != champion)
    assert isinstance(refused, Refused)
    assert f"version {champion} is champion" in str(refused)
    assert by_alias(store, PREVIOUS).number == "1"
