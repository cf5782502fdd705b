"""The MLflow registry, seen through the few calls this service makes. MLflow is imported at the first of them.

Every method blocks, some for as long as two requests time out: call them in a thread.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from vigie_api.champion.downloads import fetch_folder, names, open_store, read_json
from vigie_api.champion.serving import Release
from vigie_api.problem import Problem
from vigie_api.settings import Settings
from vigie_api.telemetry.calls import Calls, a_call

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
GATE, DIGEST, RECIPE = "vigie.gate", "vigie.artifact_digest", "vigie.recipe"
_PAGE = 100
_TAGS_PAGE = 1_000
_QUESTION_S = 5
# Gentle: a look-up gives up after ten seconds, and MLflow's own retries would make that minutes.
_CLIENT_ENV = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(_QUESTION_S),
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
}


class RegistryAway(Problem):
    """MLflow does not answer, or answers nonsense."""

    status = 503
    slug = "registry-away"
    title = "Model registry unavailable"
    retry_after_s = 10


class NoChampion(Problem):
    """The registry answers, but no version has the alias."""

    status = 409
    slug = "no-champion"
    title = "No champion"


class NoSuchVersion(Problem):
    """The registry has no such version."""

    status = 404
    slug = "no-such-version"
    title = "No such version"


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A version as the leaderboard shows it."""

    release: Release
    created_at: datetime
    aliases: tuple[str, ...]
    metrics: Mapping[str, float]
    files: str | None
    """Where the files of its run are; None when it has no run."""


class _Run(NamedTuple):
    metrics: dict[str, float]
    files: str | None


class Registry:
    """The registered model `name`. Errors are RegistryAway, NoChampion and NoSuchVersion, nothing else."""

    def __init__(self, settings: Settings, calls: Calls | None = None) -> None:
        self.name = settings.model_name
        self.calls = calls
        self._settings = settings
        self._runs: dict[str, _Run] = {}  # a finished run does not change

    @cached_property
    def _client(self) -> "MlflowClient":
        return open_client(self._settings)

    @contextmanager
    def _asking(self, missing: Callable[[], Problem]) -> Iterator[None]:
        """Turns MLflow's errors into ours; `missing` is the one for what does not exist."""
        try:
            yield
        except Problem:
            raise
        except Exception as error:
            if getattr(error, "error_code", "") in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise missing() from error
            raise RegistryAway(f"MLflow at {self.place} {_what_it_did(error)}.") from error

    @property
    def place(self) -> str:
        """Host and port of the registry."""
        where = urlsplit(self._settings.mlflow_uri)
        return f"{where.hostname}:{where.port or where.scheme}"

    @a_call
    def champion(self) -> Release:
        """The version that the alias champion names now: one request."""
        return self._aliased(CHAMPION)

    @a_call
    def aliased(self, alias: str) -> Release | None:
        """The version behind an alias, or None."""
        try:
            return self._aliased(alias)
        except NoChampion:
            return None

    def _aliased(self, alias: str) -> Release:
        def missing() -> Problem:
            return NoChampion(f"No version of {self.name!r} has the alias {alias!r}. Train and promote one.")

        with self._asking(missing):
            return _release(self._client.get_model_version_by_alias(self.name, alias))

    @a_call
    def release(self, version: str) -> Release:
        """One version by number."""
        with self._asking(lambda: self._no_such(version)):
            return _release(self._client.get_model_version(self.name, version))

    def _no_such(self, version: str) -> Problem:
        return NoSuchVersion(f"{self.name!r} has no version {version}. GET /v1/models lists them.")

    @a_call
    def download(self, version: str, into: Path) -> Path:
        """Fetch the artifact folder of a version, by number, and return where it is."""
        with self._asking(lambda: RegistryAway(f"Version {version} has no artifact folder in the registry.")):
            address = self._client.get_model_version_download_uri(self.name, version)
            store = open_store(f"{address.rstrip('/')}/artifacts", self._settings.mlflow_uri)
            return fetch_folder(store, "vigie", into, self._settings.download_timeout_s)

    @a_call
    def board(self) -> list[BoardRow]:
        """The newest hundred versions, newest first, with the finite metrics of their runs."""
        with self._asking(lambda: RegistryAway("MLflow could not list the versions.")):
            versions = self._client.search_model_versions(
                f"name='{self.name}'", max_results=_PAGE, order_by=["version_number DESC"]
            )
            if not versions:
                return []
            named: dict[str, list[str]] = {}
            for alias, version in _in_force(self._client.get_registered_model(self.name).aliases):
                named.setdefault(str(version), []).append(alias)
            return [
                BoardRow(
                    _release(version),
                    datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
                    tuple(sorted(named.get(str(version.version), []))),
                    *self._run(version.run_id),
                )
                for version in versions
            ]

    @a_call
    def tags(self) -> list[tuple[Release, dict[str, str]]]:
        """The newest thousand versions, each with its tags."""
        with self._asking(lambda: RegistryAway("MLflow could not list the versions.")):
            found = self._client.search_model_versions(
                f"name='{self.name}'", max_results=_TAGS_PAGE, order_by=["version_number DESC"]
            )
            return [(_release(version), dict(version.tags)) for version in found]

    def _run(self, run_id: str | None) -> "_Run":
        if not run_id:
            return _Run({}, None)
        known = self._runs.get(run_id)
        if known is None:
            run = self._client.get_run(run_id)
            metrics = {name: value for name, value in run.data.metrics.items() if math.isfinite(value)}
            known = _Run(metrics, run.info.artifact_uri)
            if run.info.status == "FINISHED":
                self._runs[run_id] = known
        return known

    @a_call
    def documents(self, address: str, paths: Sequence[str]) -> dict[str, Any]:
        """The JSON documents below an address; what is not there, or is no JSON, is left out. Raises RegistryAway."""
        with self._asking(lambda: RegistryAway("MLflow could not list the files of a run.")):
            store = open_store(address, self._settings.mlflow_uri)
            there = names(store)
            for folder in {path.rpartition("/")[0] for path in paths} & there:
                there |= names(store, folder)
            found: dict[str, Any] = {}
            for path in there.intersection(paths):
                with suppress(ValueError):
                    found[path] = read_json(store, path, _QUESTION_S)
            return found

    @a_call
    def point(self, alias: str, version: str) -> None:
        """Let an alias name a version."""
        with self._asking(lambda: self._no_such(version)):
            self._client.set_registered_model_alias(self.name, alias, version)

    @a_call
    def tag(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with self._asking(lambda: self._no_such(version)):
            for key, value in tags.items():
                self._client.set_model_version_tag(self.name, version, key, value)


def open_client(settings: Settings) -> "MlflowClient":
    """MLflow's client for the configured server and account. Short timeouts, unless the environment says otherwise."""
    for name, value in _CLIENT_ENV.items():
        os.environ.setdefault(name, value)
    if settings.mlflow_username and settings.mlflow_password:
        os.environ["MLFLOW_TRACKING_USERNAME"] = settings.mlflow_username
        os.environ["MLFLOW_TRACKING_PASSWORD"] = settings.mlflow_password.get_secret_value()
    from mlflow import MlflowClient

    # Both named: an MLFLOW_REGISTRY_URI left in the environment would win over the setting.
    return MlflowClient(settings.mlflow_uri, settings.mlflow_uri)


def _what_it_did(error: Exception) -> str:
    from mlflow.exceptions import MlflowException, RestException

    if isinstance(error, RestException):
        return f"did not give what was asked ({error.error_code})"
    # MLflow's client wraps what went wrong on the way in its own exception, as an error of the inside.
    if isinstance(error, MlflowException) and error.error_code == "INTERNAL_ERROR":
        return "does not answer"
    return f"did not give what was asked ({type(error).__name__})"


def _in_force(aliases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The aliases that mean something: a challenger that was promoted challenges nobody.

    The API cannot take that alias away. MLflow lets only an account delete an alias that may delete the model, too.
    """
    for alias, version in aliases.items():
        if alias != CHALLENGER or version != aliases.get(CHAMPION):
            yield alias, version


def _release(version: Any) -> Release:
    tags = version.tags
    return Release(
        version=str(version.version),
        recipe=tags.get(RECIPE, "unknown"),
        artifact_digest=tags.get(DIGEST, ""),
        gate=tags.get(GATE, ""),
        run_id=version.run_id or None,
    )
