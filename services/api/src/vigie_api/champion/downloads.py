"""Files of runs and models, from wherever MLflow keeps them: a folder, its own server, or a store of its own.

MLflow's client has one timeout for everything that goes over HTTP. A question is answered at once or not at all, but a
server that first fetches sixty megabytes from its object store lets the first byte wait; hence a second one here.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Store = Any
"""MLflow's ArtifactRepository, most of which has no types."""
_CHUNK_BYTES = 1 << 20


def open_store(address: str, mlflow_uri: str) -> Store:
    """The artifacts below an address, asked through the MLflow server at `mlflow_uri` when that keeps them."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(address, tracking_uri=mlflow_uri, registry_uri=mlflow_uri)


def fetch_folder(store: Store, name: str, into: Path, timeout_s: float) -> Path:
    """Copy the folder `name` of a store into `into`, and return where it is.

    Raises FileNotFoundError when it is empty or not there, and what MLflow raises; given up after `timeout_s` without
    a byte.
    """
    if not _over_http(store):
        return Path(store.download_artifacts(name, dst_path=str(into)))
    found = False
    for path in _files(store, name):
        found = True
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in _stream(store, path, timeout_s):
                file.write(chunk)
    if not found:
        raise FileNotFoundError(name)
    return into / name


def names(store: Store, folder: str | None = None) -> set[str]:
    """Paths of the files and folders directly in a folder of a store; none when it is not there."""
    return {found.path for found in store.list_artifacts(folder)}


def read_json(store: Store, path: str, timeout_s: float) -> Any:
    """The document in one file of a store. Raises ValueError when it is none, and what MLflow raises."""
    if _over_http(store):
        return json.loads(b"".join(_stream(store, path, timeout_s)))
    with tempfile.TemporaryDirectory(prefix="vigie-") as folder:
        return json.loads(Path(store.download_artifacts(path, dst_path=folder)).read_bytes())


def _over_http(store: Store) -> bool:
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    return isinstance(store, HttpArtifactRepository)


def _files(store: Store, folder: str) -> Iterator[str]:
    for found in store.list_artifacts(folder):
        if found.is_dir:
            yield from _files(store, found.path)
        else:
            yield found.path


def _stream(store: Store, path: str, timeout_s: float) -> Iterator[bytes]:
    from mlflow.utils import credentials, rest_utils

    client: Any = rest_utils
    secrets: Any = credentials
    host = secrets.get_default_host_creds(store.artifact_uri)
    with client.http_request(host, f"/{path}", "GET", stream=True, timeout=timeout_s) as response:
        client.augmented_raise_for_status(response)
        yield from response.iter_content(_CHUNK_BYTES)
