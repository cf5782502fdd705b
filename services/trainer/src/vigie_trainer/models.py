"""Naming a model, and getting its artifact folder."""

import hashlib
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vigie_trainer.errors import Misuse, Unavailable, VigieError
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.pyfunc_model import artifact_folder
from vigie_trainer.tracking.sending import logged_model_id
from vigie_trainer.tracking.store import Store, transferring, translated
from vigie_trainer.tracking.versions import CHAMPION, Version, by_alias, by_number

if TYPE_CHECKING:
    from collections.abc import Callable

_MANIFEST = "manifest.json"
_ALIAS_URI = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[^/@]+)")
_VERSION_URI = re.compile(r"models:/(?P<name>[^/@]+)/(?P<number>\d+)")
_MODEL_URI = re.compile(r"models:/(?P<model_id>m-[0-9a-f]+)")
_RUN_URI = re.compile(r"runs:/(?P<run_id>[0-9a-f]+)(/.*)?")
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_ALIASES = ("champion", "challenger", "previous")


@dataclass(frozen=True)
class Found:
    """A model that is there: its address, its artifact folder, and its version when it has one."""

    uri: str
    folder: Path
    version: str | None


def local_artifact(model: str) -> Path | None:
    """The artifact folder when the name is a folder (of an artifact, or of an MLflow model), else None.

    Raises:
        Misuse: a folder without an artifact.
    """
    folder = Path(model)
    if not folder.is_dir():
        return None
    for candidate in (folder, artifact_folder(folder)):
        if (candidate / _MANIFEST).is_file():
            return candidate
    raise Misuse(f"the folder {folder} holds no Vigie artifact (no {_MANIFEST}).")


def find_model(model: str, settings: Settings, opened: "Callable[[], Store]") -> Found:
    """Find a model by folder, alias (champion), version number, run id or MLflow address.

    Args:
        opened: gives the store; called only when the model is not a folder.

    Raises:
        Misuse: the name is none of these. VigieError: there is no such model. Unavailable: MLflow does not answer.
    """
    folder = local_artifact(model)
    if folder is not None:
        return Found(str(folder), folder, None)
    check_name(model)
    store = opened()
    version, source = _look_up(store, model)
    uri = f"models:/{version.name}/{version.number}" if version else source
    return Found(uri, download(store, source), version.number if version else None)


def check_name(model: str) -> None:
    """Refuse what cannot name a model, before anything is opened.

    Raises:
        Misuse: it is neither folder, alias, number, run nor address.
    """
    forms = (_ALIAS_URI, _VERSION_URI, _MODEL_URI, _RUN_URI, _RUN_ID)
    if model in _ALIASES or model.isdecimal() or any(form.fullmatch(model) for form in forms):
        return
    raise Misuse(
        f"{model!r} names no model: give champion, a version number, a run id, an address such as "
        "models:/sentiment@champion or runs:/<id>/model, or a folder that exists."
    )


def version_of(store: Store, model: str) -> Version | None:
    """The version with this alias or number, None when there is none."""
    return by_number(store, model) if model.isdecimal() else by_alias(store, model)


def _look_up(store: Store, model: str) -> tuple[Version | None, str]:
    """The version, when the name is one of a version, and the address of the files."""
    if match := _MODEL_URI.fullmatch(model):
        return None, f"models:/{match['model_id']}"
    if _RUN_ID.fullmatch(model) or (match := _RUN_URI.fullmatch(model)):
        run_id = model if _RUN_ID.fullmatch(model) else _RUN_URI.fullmatch(model)["run_id"]  # type: ignore[index]  # matched above
        return None, model_of_run(store, run_id)
    wanted = model
    if match := (_ALIAS_URI.fullmatch(model) or _VERSION_URI.fullmatch(model)):
        if match["name"] != store.name:
            raise VigieError(f"the registered model is {store.name!r}, not {match['name']!r}.")
        wanted = match.groupdict().get("alias") or match.groupdict().get("number") or ""
    version = version_of(store, wanted)
    if version is None:
        if wanted == CHAMPION:
            raise VigieError("there is no champion yet: `vigie bootstrap` or `vigie promote VERSION` makes one.")
        raise VigieError(f"the model {store.name!r} has no version {wanted!r}; `vigie leaderboard` lists them.")
    return version, version.source


def model_of_run(store: Store, run_id: str) -> str:
    """Address of the model of a run.

    Raises:
        VigieError: no such run, or it has no complete model.
    """
    with translated(store.uri):
        model_id = logged_model_id(store, run_id)
    if model_id is None:
        raise VigieError(f"there is no run {run_id} with a model in MLflow.")
    return f"models:/{model_id}"


def download(store: Store, source: str) -> Path:
    """The artifact folder of a model; downloaded once, since the files of a model never change.

    Raises:
        Unavailable: MLflow or its files cannot be had. VigieError: the model is none of ours.
    """
    import mlflow

    key = hashlib.sha256(f"{store.uri} {source}".encode()).hexdigest()[:24]
    folder = store.settings.cache / "models" / key
    if not (folder / _MANIFEST).is_file():
        fresh = folder.with_name(f".{uuid.uuid4().hex}")
        fresh.mkdir(parents=True)
        try:
            with translated(store.uri), transferring(store.settings):
                try:
                    got = mlflow.artifacts.download_artifacts(
                        artifact_uri=source, dst_path=str(fresh), tracking_uri=store.uri
                    )
                except OSError as error:
                    raise Unavailable(f"the files of {source} cannot be had: {error}") from error
            artifact = artifact_folder(Path(got))
            if not (artifact / _MANIFEST).is_file():
                raise VigieError(f"{source} holds no Vigie artifact; it was not made by `vigie train`.")
            shutil.rmtree(folder, ignore_errors=True)
            artifact.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder
