"""The files that runs logged to MLflow, and the words that people wrote beside them, without a text.

A file is written anew over the old one, never deleted: an account that may write runs is enough for that.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from vigie_api.champion.downloads import Store, open_store
from vigie_api.champion.registry import open_client
from vigie_api.privacy.documents import Unreadable, readable, rewrite, without
from vigie_api.privacy.wanted import MARKER, Wanted
from vigie_api.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE: Final = 500
_FORBIDDEN: Final = 403
_LARGEST_BYTES: Final = 512_000_000
_MODEL_FILES: Final = frozenset({"MLmodel", "manifest.json"})
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".npy")


class MlflowAway(Exception):  # noqa: N818 - reads as what happened
    """MLflow does not answer; the message says so."""


@dataclass
class Looked:
    """What a look at MLflow gave.

    Attributes:
        hits: place -> how often the text was there.
        failures: places that could not be looked into or written, each with why.
        unsearched: how many files are of a kind that cannot be searched.
    """

    hits: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    unsearched: int = 0


def clean_mlflow(settings: Settings, wanted: Wanted, *, apply: bool) -> Looked:
    """Look at every run of every experiment, deleted ones too, and at every version; with `apply`, take the text out.

    Models are not looked into: weights and vocabularies hold words, no texts. Raises MlflowAway.
    """
    # Before the client sets its own short ones: files go through here, and nobody waits for an answer.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(int(settings.download_timeout_s)))
    client = open_client(settings)
    looked = Looked()
    for run in _asking(settings, lambda: list(_runs(client))):
        _clean_run(settings, client, run, looked, wanted, apply=apply)
    for version in _asking(settings, lambda: list(_versions(client, settings.model_name))):
        overwrite = partial(client.set_model_version_tag, settings.model_name, str(version.version))
        _clean_tags(looked, f"version {version.version}", version.tags, wanted, overwrite if apply else None)
    return looked


def _clean_run(
    settings: Settings, client: "MlflowClient", run: "Run", looked: Looked, wanted: Wanted, *, apply: bool
) -> None:
    place = f"run {run.info.run_id}"
    _clean_tags(looked, place, run.data.tags, wanted, partial(client.set_tag, run.info.run_id) if apply else None)
    try:
        store = open_store(run.info.artifact_uri, settings.mlflow_uri)
        files = _asking(settings, lambda: list(_files(store, None)))
    except MlflowAway:
        raise
    except Exception as error:
        looked.failures.append(f"{place}: {_reason(error)}")
        return
    for path, size in files:
        _clean_file(looked, f"{place}: {path}", store, path, size or 0, wanted, apply=apply)


def clean_folder(folder: Path, wanted: Wanted, *, apply: bool) -> Looked:
    """The same for files on this disk, such as runs that wait to be sent to MLflow."""
    looked = Looked()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if any(
            (parent / name).exists() for parent in path.parents for name in _MODEL_FILES if folder in parent.parents
        ):
            continue
        if not readable(path.name):
            looked.unsearched += path.suffix not in _PICTURES
            continue
        try:
            clean, hits = rewrite(path.name, path.read_bytes(), wanted)
            if hits and apply:
                path.write_bytes(clean)
        except (Unreadable, OSError) as error:
            looked.failures.append(f"{path.relative_to(folder)}: {_reason(error)}")
        else:
            if hits:
                looked.hits[str(path.relative_to(folder))] = hits
    return looked


def _clean_tags(
    looked: Looked, place: str, tags: Mapping[str, str], wanted: Wanted, overwrite: Callable[[str, str], Any] | None
) -> None:
    for key, value in tags.items():
        if not without(value, wanted)[1]:
            continue
        try:
            if overwrite is not None:
                overwrite(key, MARKER)
        except Exception as error:
            looked.failures.append(f"{place}, tag {key}: {_reason(error)}")
        else:
            looked.hits[f"{place}, tag {key}"] = 1


def _clean_file(looked: Looked, place: str, store: Store, path: str, size: int, wanted: Wanted, *, apply: bool) -> None:
    if not readable(path):
        looked.unsearched += not path.lower().endswith(_PICTURES)
        return
    if size > _LARGEST_BYTES:
        looked.failures.append(f"{place}: more than the {_LARGEST_BYTES:,} bytes that are looked into")
        return
    try:
        with tempfile.TemporaryDirectory(prefix="vigie-forget-") as folder:
            local = Path(store.download_artifacts(path, dst_path=folder))
            clean, hits = rewrite(path, local.read_bytes(), wanted)
            if hits and apply:
                # Not over the download: a store in a folder may have given us its own file.
                new = Path(folder) / "clean" / local.name
                new.parent.mkdir()
                new.write_bytes(clean)
                inside = str(PurePosixPath(path).parent)
                store.log_artifact(str(new), None if inside == "." else inside)
    except Exception as error:
        looked.failures.append(f"{place}: {_reason(error)}")
    else:
        if hits:
            looked.hits[place] = hits


def _files(store: Store, folder: str | None) -> Iterator[tuple[str, int | None]]:
    there = store.list_artifacts(folder)
    if any(PurePosixPath(one.path).name in _MODEL_FILES for one in there):
        return
    for one in there:
        if one.is_dir:
            yield from _files(store, one.path)
        else:
            yield one.path, one.file_size


def _runs(client: "MlflowClient") -> "Iterator[Run]":
    from mlflow.entities import ViewType

    search = partial(client.search_experiments, view_type=ViewType.ALL)
    for experiment in _all(search):
        runs = partial(client.search_runs, [experiment.experiment_id], run_view_type=ViewType.ALL, max_results=_PAGE)
        yield from _all(runs)


def _versions(client: "MlflowClient", name: str) -> Iterator[Any]:
    return _all(partial(client.search_model_versions, f"name='{name}'", max_results=_PAGE))


def _all(search: Callable[..., Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = search(page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _asking(settings: Settings, question: Callable[[], Any]) -> Any:
    from mlflow.exceptions import RestException

    try:
        return question()
    except RestException:
        raise
    except Exception as error:
        raise MlflowAway(f"MLflow at {settings.mlflow_uri} does not answer ({type(error).__name__})") from error


def _reason(error: Exception) -> str:
    """Why, in a few words that quote no file."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    code = getattr(error, "error_code", None)
    if status == _FORBIDDEN or code == "PERMISSION_DENIED":
        return "MLflow does not let this account write it: use one that may (VIGIE_API_MLFLOW_USERNAME)"
    return str(error) if isinstance(error, Unreadable) else str(code or type(error).__name__)
