"""A backup on disk: a folder named by the UTC time at which it was begun, one file for each part, and a manifest.

    backups/20261122T150102Z/
        manifest.json            what is in it: versions, and size and SHA-256 of each file
        database-vigie.dump      and database-mlflow.dump, database-mlflow_auth.dump: pg_dump's custom format
        objects.tar              the files of runs and models
        volume-api.tar           spool and last good model of the API; volume-trainer.tar

While it is written the folder's name ends in `.partial`. Whatever lacks that ending is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = 1
MANIFEST = "manifest.json"
OBJECTS = "objects.tar"
DATABASES = ("vigie", "mlflow", "mlflow_auth")
VOLUMES = ("api", "trainer")
CHUNK_BYTES = 1 << 20
_NAME = re.compile(r"\d{8}T\d{6}Z")
_PARTIAL = ".partial"


class RefusedError(Exception):
    """Nothing was begun, and one sentence says why: exit code 2."""


class FailedError(Exception):
    """It broke on the way, and one sentence says where: exit code 1."""


@dataclass(frozen=True)
class Part:
    """One file of a backup. `holds` counts what is in it: rows by table, or files."""

    file: str
    bytes: int
    sha256: str
    holds: dict[str, int]


@dataclass(frozen=True)
class Manifest:
    """What a backup is and from which versions it came."""

    made: str
    app: str
    mlflow: str
    postgres: str
    schemas: dict[str, str]
    champion: str | None
    parts: list[Part] = field(default_factory=list)
    format: int = FORMAT

    def part(self, file: str) -> Part:
        """Give one of its files; `read_manifest` saw to it that all are named."""
        return next(part for part in self.parts if part.file == file)

    @property
    def postgres_major(self) -> int:
        """The first number of Postgres' version: a dump goes into the same or a newer one."""
        return int(self.postgres.partition(".")[0])


def database_file(name: str) -> str:
    """Name the file of a database."""
    return f"database-{name}.dump"


def volume_file(name: str) -> str:
    """Name the file of a service's volume."""
    return f"volume-{name}.tar"


FILES = (*map(volume_file, VOLUMES), *map(database_file, DATABASES), OBJECTS)


class Draft:
    """A backup that is being written. As a context manager it leaves a complete backup behind, or nothing.

    Raises RefusedError when the folder cannot be made.
    """

    def __init__(self, root: Path, now: float) -> None:
        self.final = root / stamp(now)
        self.folder = self.final.with_name(self.final.name + _PARTIAL)
        self.parts: list[Part] = []

    def __enter__(self) -> Draft:
        try:
            self.final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700)
        except FileExistsError:
            raise RefusedError(f"{self.folder} exists: another backup began in the same second; try again.") from None
        except OSError as error:
            raise RefusedError(f"{self.final.parent} cannot be written: {error.strerror}.") from None
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # it is not there any more once it is complete

    def write(self, file: str, chunks: Iterable[bytes]) -> Path:
        """Write one file, readable by its owner only; its size and digest are taken on the way."""
        digest, size = hashlib.sha256(), 0
        path = self.folder / file
        with _private(path) as stream:
            for chunk in chunks:
                stream.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            _sync(stream)
        self.parts.append(Part(file, size, digest.hexdigest(), {}))
        return path

    def counted(self, holds: dict[str, int]) -> None:
        """Say what is in the file that was written last."""
        last = self.parts.pop()
        self.parts.append(Part(last.file, last.bytes, last.sha256, holds))

    def complete(self, manifest: Manifest) -> Path:
        """Write the manifest and give the backup its name."""
        with _private(self.folder / MANIFEST) as stream:
            stream.write(json.dumps(asdict(manifest), indent=2).encode() + b"\n")
            _sync(stream)
        self.folder.rename(self.final)
        _sync_folder(self.final.parent)
        return self.final


def read_manifest(folder: Path) -> Manifest:
    """Read what a backup says of itself. Raises RefusedError when it is none, or one of a later format."""
    if folder.name.endswith(_PARTIAL):
        raise RefusedError(f"{folder} is a backup that was never completed: take another one.")
    try:
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError:
        raise RefusedError(f"{folder} holds no {MANIFEST}: name the folder of one backup.") from None
    except ValueError:
        raise RefusedError(f"{folder / MANIFEST} is damaged: take another backup.") from None
    return _manifest(document, folder)


def _manifest(document: Any, folder: Path) -> Manifest:
    if isinstance(document, dict) and document.get("format", 0) != FORMAT:
        raise RefusedError(f"{folder} is of format {document.get('format')}, and this version reads {FORMAT}.")
    damaged = RefusedError(f"{folder / MANIFEST} is damaged: take another backup.")
    try:
        parts = [Part(**part) for part in document.pop("parts")]
        manifest = Manifest(**document, parts=parts)
        files, major = {part.file for part in parts}, manifest.postgres_major
    except (TypeError, ValueError, KeyError, AttributeError):
        raise damaged from None
    if files != {*FILES} or major < 1 or {*manifest.schemas} != {*DATABASES}:
        raise damaged
    return manifest


def verify(folder: Path, manifest: Manifest, say: Callable[[str], None]) -> None:
    """Read every file and compare. Raises RefusedError at the first that is not what the manifest says."""
    for part in manifest.parts:
        path = folder / part.file
        digest, size = hashlib.sha256(), 0
        try:
            for chunk in chunks(path):
                digest.update(chunk)
                size += len(chunk)
        except OSError as error:
            raise RefusedError(f"{path} cannot be read ({error.strerror}): take another backup.") from None
        if size != part.bytes:
            raise RefusedError(f"{path} has {size} bytes instead of {part.bytes}: take another backup.")
        if digest.hexdigest() != part.sha256:
            raise RefusedError(f"{path} is damaged, its SHA-256 is not the manifest's: take another backup.")
        say(f"{part.file}: as it was written, {megabytes(size)}")


def refuse_newer(manifest: Manifest, known: dict[str, list[str]], postgres_major: int) -> None:
    """Raise RefusedError when the backup comes from a newer schema or Postgres than what would read it.

    `known` lists, by database, the revisions that the images in place know: a schema only ever moves forward.
    """
    for database, revision in manifest.schemas.items():
        if revision not in known[database]:
            raise RefusedError(
                f"the backup's database {database} is at revision {revision}, which the images here do not know: "
                f"start the version that made it (Vigie {manifest.app}, MLflow {manifest.mlflow}) or a newer one."
            )
    if manifest.postgres_major > postgres_major:
        raise RefusedError(
            f"the backup comes from Postgres {manifest.postgres_major}, and {postgres_major} runs here: "
            f"set POSTGRES_IMAGE to {manifest.postgres_major} or newer."
        )


def chunks(path: Path) -> Iterator[bytes]:
    """Give the file in pieces of a megabyte."""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def tar_names(path: Path) -> Iterator[str]:
    """Name the files in a tar, without reading them."""
    with tarfile.open(path) as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]  # it would keep each; the stubs do not list it
            if member.isfile():
                yield member.name


def stamp(now: float) -> str:
    """Name the second `now`, in seconds since 1970: names sort by time."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def expired(root: Path, keep_days: int, now: float) -> list[Path]:
    """List the backups in `root` that were begun more than `keep_days` ago; never the newest, and no other folder.

    One that was not completed counts as a backup of its age, so that a killed run leaves nothing for ever.
    """
    complete, partial = [], []
    for folder in root.iterdir() if root.is_dir() else ():
        if _NAME.fullmatch(folder.name) and (folder / MANIFEST).is_file():
            complete.append(folder)
        elif _NAME.fullmatch(folder.name.removesuffix(_PARTIAL)) and folder.name.endswith(_PARTIAL):
            partial.append(folder)
    oldest = stamp(now - keep_days * 86_400)
    return sorted(folder for folder in (*sorted(complete)[:-1], *partial) if folder.name < oldest)


def megabytes(size: int) -> str:
    """Say a size as people do."""
    return f"{size / 1e6:,.1f} MB"


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
