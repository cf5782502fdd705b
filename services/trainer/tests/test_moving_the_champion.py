"""Moving the champion, in a registry of the machine's own."""

from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import Store, connect
from vigie_trainer.tracking.versions import CHALLENGER, CHAMPION, by_alias, by_number, move_champion, set_challenger


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
