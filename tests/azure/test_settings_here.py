"""What `make e2e-azure` gives to the containers is read from azure/; what is not understood there is refused."""

import json
import sys
from importlib import import_module
from types import ModuleType

import pytest

from .bicep import AZURE, block, text

CONTAINERS = json.loads((AZURE / "containers.json").read_text())
COMPUTED = {name: f"computed {name}" for container in CONTAINERS.values() for name in container["computed"]}


def script(name: str) -> ModuleType:
    sys.path.insert(0, str(AZURE.parent / "scripts"))
    try:
        return import_module(name)
    finally:
        sys.path.pop(0)


@pytest.fixture
def here() -> ModuleType:
    return script("azure_settings")


def test_a_sidecar_is_given_the_variables_that_the_list_names_for_it(here: ModuleType) -> None:
    found = here.sidecars({"key-ui": "a key"}, COMPUTED)

    for name, container in CONTAINERS.items():
        assert set(found[name]) == {*container["settings"], *container["secrets"], *container["computed"]}
    assert found["ui"]["VIGIE_UI_API_KEY"] == "a key"
    assert found["api"]["VIGIE_API_X_BEARER_TOKEN"] == ""  # not in the vault
    assert found["api"]["VIGIE_API_MIGRATE_ON_START"] == "false"
    assert found["mlflow"]["VIGIE_MLFLOW_ARTIFACTS"] == "computed VIGIE_MLFLOW_ARTIFACTS"


def test_a_computed_setting_that_nobody_gave_is_named(here: ModuleType) -> None:
    del (fewer := dict(COMPUTED))["VIGIE_UI_BRAND"]

    with pytest.raises(here.SettingsError, match="VIGIE_UI_BRAND"):
        here.sidecars({}, fewer)


def test_the_run_here_knows_every_setting_expression_and_secret_of_azure(here: ModuleType) -> None:
    secrets = script("azure_secrets")
    known = secrets.settled("kv-vigie-local", {}, {})
    site = script("e2e_azure").Site(8080, 8025, known)

    environments = site.environments()

    assert set(environments) == {*CONTAINERS, "mlflow-inside", "roles", "migrate", "bootstrap", "retrain"}
    assert site.jobs()["roles"].words == ["python", "-c", (AZURE / "database" / "roles.py").read_text()]
    assert site.jobs()["migrate"].words == ["vigie-api", "migrate"]
    assert site.jobs()["bootstrap"].words[0] == "bootstrap"
    assert environments["api"]["VIGIE_API_DATABASE_URL"].endswith("/vigie?sslmode=require")
    listed = block(text(AZURE / "modules" / "jobs.bicep"), "var variables = {")
    for name in ("roles", "migrate", "bootstrap"):
        assert set(environments[name]) <= {line.strip()[7:-1] for line in listed.splitlines() if "name: '" in line}


def test_an_expression_that_means_nothing_here_is_named(here: ModuleType) -> None:
    with pytest.raises(here.SettingsError, match="nothing here says what"):
        here.jobs({}, {})
