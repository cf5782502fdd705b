"""Artifacts on disk: a folder of plain data whose manifest holds the SHA-256 of every other file."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.manifest import MANIFEST_FILE, Manifest, digest_of, parse_manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_artifact(folder: Path) -> tuple[Manifest, dict[str, bytes], str]:
    """The manifest, the verified content of every file, and the digest of the artifact in `folder`.

    Raises ArtifactError when the folder is no artifact, when a file is missing, is one too many, is no regular file,
    or is not the one that the manifest describes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ArtifactError(f"There is no artifact folder at {folder}.")
    data = _read(folder, MANIFEST_FILE)
    manifest = parse_manifest(data)
    present = {entry.name for entry in folder.iterdir()} - {MANIFEST_FILE}
    missing = sorted(set(manifest.files) - present)
    extra = sorted(present - set(manifest.files))
    if missing:
        raise ArtifactError(f"The artifact at {folder} lacks {', '.join(missing)}. Download or train it again.")
    if extra:
        raise ArtifactError(f"The artifact at {folder} holds what its manifest does not name: {', '.join(extra)}.")
    files: dict[str, bytes] = {}
    for name, expected in manifest.files.items():
        files[name] = _read(folder, name)
        if digest_of(files[name]) != expected:
            raise ArtifactError(
                f"{name} in {folder} is not the file its manifest describes (SHA-256 differs). "
                "Download or train it again."
            )
    return manifest, files, "sha256:" + digest_of(data)


def artifact_digest(folder: Path) -> str:
    """`sha256:` and the SHA-256 of the manifest, which itself holds the SHA-256 of every other file. Reads the
    manifest only.

    Raises ArtifactError when there is no sound manifest.
    """
    data = _read(Path(folder), MANIFEST_FILE)
    parse_manifest(data)
    return "sha256:" + digest_of(data)


def write_artifact(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> str:
    """Write an artifact and return its digest. Whoever looks sees the whole artifact or none.

    The folder must not exist yet, or be empty. Raises ArtifactError otherwise, or when the manifest is not sound.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArtifactError(f"{folder} exists already and is not an empty folder. Artifacts are never overwritten.")
    manifest = replace(manifest, files={name: digest_of(data) for name, data in sorted(files.items())})
    data = manifest.to_bytes()
    parse_manifest(data)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        temporary.chmod(0o755)
        for name, content in {**files, MANIFEST_FILE: data}.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return "sha256:" + digest_of(data)


def pack_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The arrays as a compressed npz file whose bytes depend on the arrays alone (no time stamps)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue(), zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()


def unpack_arrays(data: bytes, name: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of an npz file; never unpickles. Raises ArtifactError, naming the file `name`, when it is not one."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except Exception as error:  # the zip, zlib and npy readers raise a dozen types for damaged bytes
        raise ArtifactError(f"{name} is not an npz file of plain numbers.") from error


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise ArtifactError(f"There is no regular file {name} in {folder}.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{name} in {folder} cannot be read: {error.strerror}.") from error
