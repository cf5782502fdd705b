"""The connection to MLflow: a server, or the embedded store when none runs."""

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vigie_trainer.errors import Unavailable, VigieError
from vigie_trainer.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCAL_SERVER = "http://127.0.0.1:5000"
_PROBE = "/api/2.0/mlflow/experiments/get-by-name"
_BENEATH_MLFLOW = ("requests", "urllib3", "sqlalchemy")
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_BUSY = (429, 500, 502, 503, 504)


class Store:
    """An MLflow that answered a moment ago.

    Attributes:
        uri: of tracking and registry.
        client: MLflow's own client.
        name: of the registered model.
    """

    def __init__(self, settings: Settings, uri: str, client: "MlflowClient") -> None:
        self.settings = settings
        self.uri = uri
        self.client = client
        self.name = settings.model_name
        self._experiment_id: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether the store is the SQLite file itself rather than a server."""
        return self.uri.startswith("sqlite:")

    def experiment_id(self) -> str:
        """The experiment of all runs, created when absent (also when another process creates it at the same time)."""
        if self._experiment_id is None:
            found = self.client.get_experiment_by_name(self.settings.experiment)
            if found is None:
                location = (
                    (self.settings.home / "mlflow" / "artifacts" / self.settings.experiment).resolve().as_uri()
                    if self.embedded
                    else None
                )
                try:
                    self._experiment_id = self.client.create_experiment(self.settings.experiment, location)
                except Exception:
                    found = self.client.get_experiment_by_name(self.settings.experiment)
                    if found is None:
                        raise
            if found is not None:
                self._experiment_id = found.experiment_id
        return str(self._experiment_id)


def connect(settings: Settings, *, say: Callable[[str], None] | None = None) -> Store:
    """Find MLflow and open it.

    Raises:
        Unavailable: the server that is configured does not answer.
        VigieError: it answers, and refuses us.
    """
    configure(settings)
    uri = _choose_uri(settings)
    if say:
        say(f"Opening MLflow ({uri})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies tell of each other's deprecations
        import mlflow
        from mlflow import MlflowClient

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    with translated(uri):
        return Store(settings, uri, MlflowClient(uri, uri))


def server_uri(settings: Settings, *, attempts: int = 3) -> str | None:
    """The address of the server to talk to, or None for the embedded store.

    Raises:
        Unavailable, VigieError: as connect.
    """
    if settings.mlflow_uri:
        uri = settings.mlflow_uri.rstrip("/")
        if uri.startswith(("http://", "https://")):
            probe(uri, settings, attempts=attempts)
        return uri
    try:
        probe(LOCAL_SERVER, settings, attempts=1, timeout_s=2.0)
    except VigieError:
        return None
    return LOCAL_SERVER


def probe(uri: str, settings: Settings, *, attempts: int = 3, timeout_s: float | None = None) -> None:
    """Ask MLflow's API (its /health says yes even when it refuses everything else).

    Raises:
        Unavailable: no answer, or none that MLflow would give.
        VigieError: it refuses the user, or this host name.
    """
    import httpx

    password = settings.mlflow_password.get_secret_value() if settings.mlflow_password else ""
    auth = (settings.mlflow_username, password) if settings.mlflow_username else None
    problem = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(0.5 * attempt)
        try:
            answer = httpx.get(
                uri + _PROBE,
                params={"experiment_name": settings.experiment},
                auth=auth,
                timeout=timeout_s or settings.mlflow_timeout_s,
            )
        except httpx.InvalidURL as error:
            raise VigieError(f"VIGIE_TRAINER_MLFLOW_URI is not an address: {error}.") from None
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
            continue
        if answer.status_code in _BUSY:
            problem = f"status {answer.status_code}"
            continue
        if answer.status_code in (401, 403):
            raise VigieError(
                f"MLflow at {uri} refuses us (status {answer.status_code}): check VIGIE_TRAINER_MLFLOW_USERNAME and "
                "VIGIE_TRAINER_MLFLOW_PASSWORD, and that the server allows this host name (--allowed-hosts)."
            )
        if answer.status_code == 200 or "error_code" in answer.text:
            return
        problem = f"status {answer.status_code}, which MLflow would not give; is the path right?"
    raise Unavailable(f"MLflow does not answer at {uri} ({problem}).")


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turn what MLflow raises when it goes away into Unavailable, and its own refusals into one sentence."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        code = error.error_code
        text = _first_line(error)
        if code in ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
            raise VigieError(f"MLflow at {uri} does not allow that to this user: {text}") from error
        if "API request to" in text or "Max retries" in text or code in ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"):
            raise Unavailable(f"MLflow went away ({uri}): {text}") from error
        raise VigieError(f"MLflow refused: {text}") from error
    except Exception as error:
        # MLflow lets errors of its HTTP and database libraries through; those are its own affair, and so are the names.
        if isinstance(error, ConnectionError) or type(error).__module__.partition(".")[0] in _BENEATH_MLFLOW:
            raise Unavailable(f"MLflow went away ({uri}): {_first_line(error)}") from error
        raise


@contextmanager
def transferring(settings: Settings) -> Iterator[None]:
    """Give requests in this block the time that a file of many megabytes may take on its way through to S3."""
    before = os.environ.get(_TIMEOUT)
    os.environ[_TIMEOUT] = str(max(settings.mlflow_transfer_timeout_s, settings.mlflow_timeout_s))
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TIMEOUT]
        else:
            os.environ[_TIMEOUT] = before


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]


def _choose_uri(settings: Settings) -> str:
    uri = server_uri(settings)
    if uri is not None:
        return uri
    folder = (settings.home / "mlflow").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{folder} cannot be made: {error.strerror or error}.") from None
    return f"sqlite:///{folder / 'mlflow.db'}"


def configure(settings: Settings) -> None:
    """Short timeouts, no telemetry, no chatter; to be called before MLflow is used for anything.

    MLflow reads all that from the environment of the process.
    """
    values: dict[str, Any] = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        _TIMEOUT: settings.mlflow_timeout_s,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": settings.mlflow_retries,
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": 1,
        # Presigned links name hosts that only the server knows (its S3), and clients then wait in silence.
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
        # The model carries its own requirements, not the project of the folder that we happen to stand in.
        "MLFLOW_UV_AUTO_DETECT": "false",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    if settings.mlflow_username:
        values["MLFLOW_TRACKING_USERNAME"] = settings.mlflow_username
    if settings.mlflow_password:
        values["MLFLOW_TRACKING_PASSWORD"] = settings.mlflow_password.get_secret_value()
    os.environ.update({name: str(value) for name, value in values.items()})
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It misses pip where uv made the environment; the requirements that we write are whole without it.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
