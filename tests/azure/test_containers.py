"""One list says what runs on Azure; it agrees with the services' own settings, with their images and with compose."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from vigie_api.settings import Settings as ApiSettings
from vigie_mlflow.settings import Settings as MlflowSettings
from vigie_trainer.settings import Settings as TrainerSettings
from vigie_ui.settings import UiSettings

from .bicep import AZURE, block, keys, text

ROOT = AZURE.parent
CONTAINERS: dict[str, dict[str, Any]] = json.loads((AZURE / "containers.json").read_text())
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
MAIN = text(AZURE / "main.bicep")
# Of the libraries, not ours.
LIBRARIES = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD",
    "MLFLOW_DISABLE_TELEMETRY",
    "AZURE_CLIENT_ID",
}
EACH = pytest.mark.parametrize("name", list(CONTAINERS))


def variables(name: str) -> set[str]:
    container = CONTAINERS[name]
    return {*container["settings"], *container["secrets"], *container["computed"]}


def environment_names(settings: type[BaseSettings]) -> set[str]:
    prefix = settings.model_config["env_prefix"]
    names = set()
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        choices = getattr(alias, "choices", [alias] if isinstance(alias, str) else [f"{prefix}{name}".upper()])
        names |= {str(choice) for choice in choices}
    return names


def known(name: str) -> set[str]:
    if name == "gateway":
        template = (ROOT / "services" / "gateway" / "templates" / "vigie.conf.template").read_text()
        return set(re.findall(r"\$\{(VIGIE_GATEWAY_\w+)\}", template))
    settings: dict[str, type[BaseSettings]] = {"ui": UiSettings, "api": ApiSettings, "mlflow": MlflowSettings}
    return environment_names(settings[name])


@EACH
def test_every_variable_is_a_setting_of_the_service(name: str) -> None:
    assert variables(name) <= known(name) | LIBRARIES


@EACH
def test_the_port_is_the_one_that_the_image_listens_on(name: str) -> None:
    dockerfile = (ROOT / "services" / name / "Dockerfile").read_text()

    assert re.findall(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE) == [str(CONTAINERS[name]["port"])]


def test_one_container_is_main_on_a_port_that_app_service_serves() -> None:
    main = [container for container in CONTAINERS.values() if container["main"]]

    assert [container["port"] for container in main] == [8080]
    assert CONTAINERS["gateway"]["main"]
    assert len({container["port"] for container in CONTAINERS.values()}) == len(CONTAINERS) <= 10


def test_the_gateway_and_the_services_find_each_other_on_localhost() -> None:
    for service, setting in {"ui": "UI", "api": "API", "mlflow": "MLFLOW"}.items():
        assert (
            CONTAINERS["gateway"]["settings"][f"VIGIE_GATEWAY_{setting}"] == f"127.0.0.1:{CONTAINERS[service]['port']}"
        )
    assert CONTAINERS["ui"]["settings"]["VIGIE_UI_API_URL"] == f"http://127.0.0.1:{CONTAINERS['api']['port']}"
    mlflow = f"http://127.0.0.1:{CONTAINERS['mlflow']['port']}{CONTAINERS['mlflow']['settings']['VIGIE_MLFLOW_STATIC_PREFIX']}"
    assert CONTAINERS["api"]["settings"]["VIGIE_API_MLFLOW_URI"] == mlflow


@EACH
def test_what_compose_sets_azure_sets_too_or_there_is_a_reason(name: str) -> None:
    elsewhere = {
        # The default is right: what compose lets one change in .env, Azure lets one change in containers.json.
        *("VIGIE_API_POLL_S", "VIGIE_API_SMTP_PORT", "VIGIE_API_SMTP_SECURITY", "VIGIE_API_MAIL_TIMEZONE"),
        *("VIGIE_API_ALERT_COUNT", "VIGIE_API_ALERT_WINDOW_S", "VIGIE_API_ALERT_COOLDOWN_S"),
        *("VIGIE_API_RETENTION_DAYS", "VIGIE_API_RETENTION_FEEDBACK_DAYS", "VIGIE_API_RETENTION_ACTION"),
        *("VIGIE_API_APPINSIGHTS_EXPORTER", "VIGIE_API_MENTIONS_WAITING", "VIGIE_API_WATCH"),
        "VIGIE_API_RETENTION_COUNTS_DAYS",
        # Blob storage and an identity in place of S3 and its keys.
        *("VIGIE_MLFLOW_S3_ENDPOINT", "VIGIE_MLFLOW_S3_ACCESS_KEY", "VIGIE_MLFLOW_S3_SECRET_KEY"),
    }

    assert set(COMPOSE[name].get("environment", {})) <= variables(name) | elsewhere


@EACH
def test_the_service_starts_with_what_it_is_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict(CONTAINERS[name]["settings"])
    # App Service hands out an empty string for what is not set; a secret is there.
    examples = {
        "VIGIE_API_KEYS": '[{"name": "ui", "scopes": ["predict"], "sha256": "%s"}]' % ("0" * 64),
        "VIGIE_API_DATABASE_URL": "postgresql+psycopg://vigie@psql-vigie.postgres.database.azure.com:5432/vigie",
    }
    given |= {variable: examples.get(variable, "0123456789abcdef") for variable in CONTAINERS[name]["secrets"]}
    given |= dict.fromkeys(CONTAINERS[name]["computed"], "")
    given |= {
        "VIGIE_MLFLOW_DATABASE_HOST": "psql-vigie.postgres.database.azure.com",
        "VIGIE_MLFLOW_ARTIFACTS": "wasbs://mlflow@stvigie.blob.core.windows.net",
        "VIGIE_UI_BRAND": "Air Paradis",
        "VIGIE_UI_LANGUAGE": "fr",
        "VIGIE_API_HOST": "10.0.0.4",
        "VIGIE_API_SMTP_PASSWORD": "",
    }
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)

    if name == "api":
        settings = ApiSettings()
        assert settings.keys
        assert settings.spool_dir is None  # no durable disk: 503, and the page keeps the verdict
        assert settings.smtp_host is None
        assert not settings.migrate_on_start
    elif name == "mlflow":
        assert MlflowSettings().bucket is None
    elif name == "ui":
        assert UiSettings().brand == "Air Paradis"


def test_main_computes_exactly_what_the_list_calls_computed() -> None:
    computed = keys(block(MAIN, "var computed = {"))

    assert computed == {variable for container in CONTAINERS.values() for variable in container["computed"]}


def test_what_differs_in_staging_stays_with_its_slot() -> None:
    differing = keys(block(MAIN, "var computedOfStaging = union(computed, {"))
    sticky = set(re.findall(r"'(\w+)'", MAIN[MAIN.index("var stickySettings = [") :].partition("]")[0]))
    every = set().union(*(variables(name) for name in CONTAINERS))

    assert differing <= sticky <= every
    # Its own database, and secrets that are left out there.
    assert sticky - differing == {"VIGIE_API_DATABASE_URL", "VIGIE_API_SMTP_PASSWORD", "VIGIE_API_X_BEARER_TOKEN"}


def test_staging_tells_nobody_and_fetches_nothing() -> None:
    body = block(MAIN, "var computedOfStaging = union(computed, {")
    for setting in ("SMTP_HOST", "SMTP_USERNAME", "CONNECTORS", "APPINSIGHTS_CONNECTION_STRING"):
        assert re.search(rf"VIGIE_API_{setting}: ''", body)


def test_only_the_api_and_its_database_know_the_databases_password() -> None:
    for name in ("gateway", "ui"):
        assert not [secret for secret in CONTAINERS[name]["secrets"].values() if "database" in secret]


def test_jobs_are_given_settings_that_exist() -> None:
    jobs = text(AZURE / "modules" / "jobs.bicep") + text(AZURE / "modules" / "inside.bicep")
    named = set(re.findall(r"name: '((?:VIGIE|MLFLOW|AZURE)_\w+)'", jobs))
    every = environment_names(ApiSettings) | environment_names(MlflowSettings) | environment_names(TrainerSettings)

    assert {name for name in named if not name.startswith("VIGIE_ROLES_")} <= every | LIBRARIES


def test_the_inner_mlflow_is_set_up_as_the_outer_one() -> None:
    inside = text(AZURE / "modules" / "inside.bicep")
    inner = set(re.findall(r"name: '(VIGIE_MLFLOW_\w+|AZURE_CLIENT_ID)'", inside))

    # Nobody opens its pages in a browser.
    assert variables("mlflow") - inner == {"VIGIE_MLFLOW_CORS_ORIGINS"}
    assert inner <= variables("mlflow")


def test_images_have_the_names_under_which_they_are_pushed() -> None:
    workflow = Path(ROOT / ".github" / "workflows" / "images.yml").read_text()

    assert ".azurecr.io/vigie-${{ matrix.image }}:" in workflow
    assert "/vigie-${item.key}@${digests[item.key]}" in text(AZURE / "modules" / "containers.bicep")
    assert "/vigie-${item.image}@${digests[item.image]}" in text(AZURE / "modules" / "jobs.bicep")
