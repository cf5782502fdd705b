"""What `vigie bootstrap` asks before it does anything."""

import time
from collections.abc import Callable

from vigie_trainer.errors import Unavailable
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import Store, server_uri, translated
from vigie_trainer.tracking.versions import CHAMPION

_TELL_EVERY_S = 10.0


def wait_for_mlflow(settings: Settings, wait_s: float, say: Callable[[str], None]) -> str | None:
    """Wait for the MLflow server that is configured and return its address; None for the embedded store.

    Raises:
        Unavailable: it did not answer in time.
    """
    start = told = time.monotonic()
    pause_s = 0.5
    while True:
        try:
            return server_uri(settings, attempts=1)
        except Unavailable as error:
            now = time.monotonic()
            if now - start >= wait_s:
                raise Unavailable(f"waited {wait_s:.0f} s; {error}") from None
            if told == start or now - told >= _TELL_EVERY_S:
                say(f"Waiting for MLflow at {settings.mlflow_uri} ({now - start:.0f} of {wait_s:.0f} s)")
                told = now
            time.sleep(min(pause_s, wait_s))
            pause_s = min(2 * pause_s, 4.0)


def champion_on_server(uri: str, settings: Settings) -> str | None:
    """Number of the champion, asked without MLflow's own client, which takes seconds to import; None when unknown."""
    import httpx

    if not uri.startswith(("http://", "https://")):
        return None
    password = settings.mlflow_password.get_secret_value() if settings.mlflow_password else ""
    try:
        answer = httpx.get(
            f"{uri}/api/2.0/mlflow/registered-models/alias",
            params={"name": settings.model_name, "alias": CHAMPION},
            auth=(settings.mlflow_username, password) if settings.mlflow_username else None,
            timeout=settings.mlflow_timeout_s,
        )
        return str(answer.json()["model_version"]["version"]) if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def training_of(store: Store, recipe: str, data_digest: str) -> str | None:
    """The run of an earlier bootstrap that was cut off before it promoted, or None."""
    with translated(store.uri):
        found = store.client.search_runs(
            [store.experiment_id()],
            f"attributes.status = 'FINISHED' and tags.`vigie.recipe` = '{recipe}' "
            f"and tags.`vigie.data_digest` = '{data_digest}'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
    return found[0].info.run_id if found else None
