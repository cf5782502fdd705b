"""A release reaches people only when it works, and is taken back when it turns out not to."""

import pytest

from .conftest import Azure, served


def test_staging_gets_the_new_images_and_production_keeps_its_own(azure: Azure) -> None:
    done = azure.release("stage", "good")

    assert done.returncode == 0, done.stderr
    assert azure.runs("staging") == served("good")
    assert azure.runs("production") == served("old")
    assert [call[1] for call in azure.calls("containerapp job start")] == ["roles", "migrate-staging"]


def test_images_that_do_not_work_never_leave_staging(azure: Azure) -> None:
    done = azure.release("stage", "bad")

    assert done.returncode == 1
    assert "not ready" in done.stderr
    assert azure.runs("production") == served("old")
    assert not azure.calls("webapp deployment slot swap")


def test_the_first_release_makes_a_first_champion(azure: Azure) -> None:
    slots = azure.state["slots"] | {"production": {"running": True, "digests": {}}}
    azure.write(slots=slots)

    assert azure.release("stage", "good").returncode == 0
    assert "bootstrap" in [call[1] for call in azure.calls("containerapp job start")]


def test_a_swap_brings_what_was_tried_to_production(azure: Azure) -> None:
    azure.put("staging", "good")

    done = azure.release("swap", "good")

    assert done.returncode == 0, done.stderr
    assert azure.runs("production") == served("good")
    assert azure.runs("staging") == served("old")
    starts = [call[:2] for call in azure.state["calls"]]
    assert starts.index(["containerapp job start", "migrate"]) < starts.index(["webapp deployment slot swap", "app"])


def test_what_works_in_staging_only_is_swapped_back(azure: Azure) -> None:
    azure.put("staging", "shy")

    done = azure.release("swap", "shy")

    assert done.returncode == 1
    assert "taken back" in done.stderr
    assert azure.runs("production") == served("old")
    assert len(azure.calls("webapp deployment slot swap")) == 2


def test_production_that_stays_broken_is_said_louder(azure: Azure) -> None:
    azure.put("production", "bad")
    azure.put("staging", "shy")

    done = azure.release("swap", "shy", GITHUB_ACTIONS="true")

    assert done.returncode == 2
    assert "::error::" in done.stderr
    assert "STILL does not work" in done.stderr


def test_a_swap_that_azure_refuses_leaves_production_alone(azure: Azure) -> None:
    azure.put("staging", "good")
    azure.write(refuse=["slot swap"])

    done = azure.release("swap", "good")

    assert done.returncode == 1
    assert "did not swap" in done.stderr
    assert azure.runs("production") == served("old")


def test_a_failed_migration_stops_before_the_swap(azure: Azure) -> None:
    azure.put("staging", "good")
    azure.write(jobs={"migrate": ["Running", "Failed"]})

    done = azure.release("swap", "good")

    assert done.returncode == 1
    assert "job migrate" in done.stderr
    assert not azure.calls("webapp deployment slot swap")


@pytest.mark.parametrize("step", ["stage", "swap", "inplace"])
def test_without_a_key_for_the_smoke_test_nothing_is_touched(azure: Azure, step: str) -> None:
    azure.put("staging", "good")
    azure.write(secrets={})

    done = azure.release(step, "good")

    assert done.returncode == 1
    assert "key-smoke" in done.stderr
    assert {call[0] for call in azure.state["calls"]} == {"keyvault secret show"}


def test_only_what_was_tried_is_swapped(azure: Azure) -> None:
    azure.put("staging", "old")

    done = azure.release("swap", "good")

    assert done.returncode == 1
    assert "stage them again" in done.stderr
    assert not azure.calls("webapp deployment slot swap")


def test_without_a_slot_the_images_of_before_come_back_by_their_digests(azure: Azure) -> None:
    done = azure.release("inplace", "bad", parameters="cheap")

    assert done.returncode == 1
    assert "taken back" in done.stderr
    assert azure.runs("production") == served("old")
    assert azure.state["slots"]["production"]["running"]


def test_without_a_slot_good_images_stay(azure: Azure) -> None:
    done = azure.release("inplace", "good", parameters="cheap")

    assert done.returncode == 0, done.stderr
    assert azure.runs("production") == served("good")


def test_a_first_release_without_a_slot_has_nothing_to_go_back_to(azure: Azure) -> None:
    azure.write(slots={"production": {"running": True, "digests": {}}})

    done = azure.release("inplace", "bad", parameters="cheap")

    assert done.returncode == 2
    assert "nothing to go back to" in done.stderr


def test_a_release_of_the_wrong_version_is_no_success(azure: Azure) -> None:
    done = azure.release("stage", "good", VIGIE_VERSION="9.9.9")

    assert done.returncode == 1
    assert "9.9.9" in done.stderr


@pytest.mark.parametrize("missing", ["VIGIE_VAULT", "VIGIE_DIGESTS", "AZURE_RESOURCE_GROUP"])
def test_a_setting_that_is_missing_is_named(azure: Azure, missing: str) -> None:
    done = azure.release("stage", "good", **{missing: ""})

    assert done.returncode == 1
    assert missing in done.stderr
    assert not azure.state["calls"]


def test_the_plan_changes_nothing(azure: Azure) -> None:
    done = azure.release("plan", "good")

    assert done.returncode == 0, done.stderr
    assert [call[0] for call in azure.state["calls"]] == ["deployment group what-if"]


def test_a_job_that_fails_fails_the_command(azure: Azure) -> None:
    azure.write(jobs={"retrain": ["Running", "Running", "Failed"]})

    done = azure.run("azure_release.py", "job", "retrain", "--pause", "0.01", AZURE_RESOURCE_GROUP="rg-vigie")

    assert done.returncode == 1
    assert "ended Failed" in done.stderr
