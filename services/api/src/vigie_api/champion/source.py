"""Where the served model comes from: the registry with a cache on disk, or any object that keeps this contract."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from vigie_api.champion.registry import CHALLENGER, NoSuchVersion, Registry
from vigie_api.champion.serving import Release, Scorer
from vigie_api.folder_lock import locked
from vigie_api.problem import Problem

_RECORD = "champion.json"
_UNFINISHED = ".new"
_DOWNLOAD = ".download-"
_BESIDE, _SHADOW = "beside", "shadow"
KEPT_BESIDE = 2
_READING_S = 2.0
_CHANGING_S = 60.0  # a neighbour downloads; with luck what we want, too
Loader = Callable[[Path], Scorer]


class Refused(Problem):
    """The version is there but must not serve."""

    status = 409
    slug = "version-refused"
    title = "Version refused"


class CacheBusy(Problem):
    """Another process has kept the cache to itself for too long."""

    status = 503
    slug = "cache-busy"
    title = "Model cache busy"
    retry_after_s = 10


class ModelSource(Protocol):
    """Finds and loads models. Every method blocks; those of the champion are called in one thread at a time."""

    def champion(self) -> Release:
        """The version that should serve. Raises a Problem."""
        ...

    def load(self, release: Release) -> Scorer:
        """Load a version, verified. Raises a Problem."""
        ...

    def version(self, number: str) -> Release:
        """A version that may serve beside the champion. Raises a Problem. Called in another thread than the rest."""
        ...

    def load_beside(self, release: Release) -> Scorer:
        """Load a version that is not the champion, verified. Raises a Problem. Called in the thread of `version`."""
        ...

    def challenger(self) -> Release | None:
        """The version that is tried beside the champion, None when there is none. Raises a Problem.

        Called in a thread of its own, like `load_challenger`.
        """
        ...

    def load_challenger(self, release: Release) -> Scorer:
        """Load the challenger, verified. Raises a Problem."""
        ...

    def remember(self, release: Release) -> None:
        """The version serves now: keep it for the next start."""
        ...

    def remembered(self) -> tuple[Release, Scorer] | None:
        """The version that served last, without asking anybody; None when there is none."""
        ...


class FixedSource:
    """Always the same scorer: for tests, and for measuring everything but the model."""

    def __init__(self, scorer: Scorer, *, version: str = "1", recipe: str = "constant") -> None:
        self._scorer = scorer
        self._release = Release(version, recipe, artifact_digest="sha256:none", gate="passed: fixed")

    def champion(self) -> Release:
        """The one release."""
        return self._release

    def load(self, release: Release) -> Scorer:
        """The one scorer."""
        return self._scorer

    def version(self, number: str) -> Release:
        """The one release, or NoSuchVersion."""
        if number != self._release.version:
            raise NoSuchVersion(f"There is no version {number}.")
        return self._release

    def load_beside(self, release: Release) -> Scorer:
        """The one scorer."""
        return self._scorer

    def challenger(self) -> Release | None:
        """Nobody."""
        return None

    def load_challenger(self, release: Release) -> Scorer:
        """The one scorer."""
        return self._scorer

    def remember(self, release: Release) -> None:
        """Nothing to keep."""

    def remembered(self) -> tuple[Release, Scorer] | None:
        """The one scorer, at once."""
        return self._release, self._scorer


def load_artifact(folder: Path, threads: int = 1) -> Scorer:
    """The model in a folder, every file verified. Raises vigie_model.ArtifactError."""
    import vigie_model

    return vigie_model.load(folder, threads=threads)


def judge(release: Release) -> None:
    """Raises Refused unless the gate passed the version and recorded the digest of its artifact."""
    if not release.gate.startswith("passed"):
        said = release.gate or "nothing: it was never judged"
        raise Refused(f"The gate did not pass version {release.version} (it says {said}).")
    judge_digest(release)


def judge_digest(release: Release) -> None:
    """Raises Refused unless the gate, whatever it said of the version, recorded the digest of its artifact."""
    if not release.artifact_digest:
        raise Refused(f"The gate recorded no artifact digest for version {release.version}. Register it again.")


class RegistrySource:
    """The registry's champion, kept in `cache` as one folder a version and a record of the last good one.

    A version is downloaded beside its place and moved there when its digest is the recorded one, so that a folder with
    a version's name is always whole. Processes may share the cache: one at a time changes what is in it, so that of
    those that follow the alias at once one downloads and the others find it there.
    """

    def __init__(
        self, registry: Registry, cache: Path, load: Loader = load_artifact, *, patience_s: float = _CHANGING_S
    ) -> None:
        self._registry = registry
        self._cache = cache
        self._load = load
        self._patience_s = patience_s
        self._reading_s = min(patience_s, _READING_S)

    def champion(self) -> Release:
        """Resolve the alias, once, and refuse what the gate did not pass."""
        release = self._registry.champion()
        judge(release)
        return release

    def load(self, release: Release) -> Scorer:
        """Load from the cache when it has this very artifact, else download by number."""
        return self._bring(self._cache / release.version, release)

    def version(self, number: str) -> Release:
        """Look the version up, and refuse what the gate did not pass."""
        release = self._registry.release(number)
        judge(release)
        return release

    def load_beside(self, release: Release) -> Scorer:
        """As `load`, from a folder where the champion's housekeeping does not reach; the last two stay on disk."""
        return self._load_in(self._cache / _BESIDE, release, KEPT_BESIDE)

    def challenger(self) -> Release | None:
        """Look the alias up."""
        return self._registry.aliased(CHALLENGER)

    def load_challenger(self, release: Release) -> Scorer:
        """As `load`, from a folder of its own, which keeps this version alone.

        The gate may have refused it, for it answers nobody, but must have seen it: nothing else is ever loaded.
        """
        judge_digest(release)
        return self._load_in(self._cache / _SHADOW, release, 1)

    def _load_in(self, beside: Path, release: Release, keep: int) -> Scorer:
        scorer = self._bring(beside / release.version, release)
        with locked(beside) as ours:
            if ours:  # else a neighbour is at it, and whoever comes next cleans up
                (beside / release.version).touch()
                kept = sorted(beside.iterdir(), key=lambda found: found.stat().st_mtime_ns, reverse=True)
                for old in kept[keep:]:
                    shutil.rmtree(old, ignore_errors=True)
        return scorer

    def _bring(self, folder: Path, release: Release) -> Scorer:
        """Load a version from its folder, where one process at a time puts it. Raises CacheBusy, or why it does not."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        while True:
            # Nothing that somebody reads is removed; a neighbour that was stopped does not keep us from reading.
            with locked(folder.parent, shared=True, patience_s=self._reading_s):
                if self._holds(folder, release):
                    return self._open(folder, release)
            with self._alone(folder.parent):
                if not self._holds(folder, release):
                    self._fetch(release, folder)
                    return self._open(folder, release)

    @contextmanager
    def _alone(self, shelf: Path) -> Iterator[None]:
        with locked(shelf, patience_s=self._patience_s) as ours:
            if not ours:
                raise CacheBusy(
                    "Another process has been busy with the models on disk for too long. It is tried again."
                )
            yield

    def _holds(self, folder: Path, release: Release) -> bool:
        import vigie_model

        try:
            return vigie_model.artifact_digest(folder) == release.artifact_digest
        except vigie_model.ArtifactError:
            return False

    def _fetch(self, release: Release, folder: Path) -> None:
        for leftover in folder.parent.glob(f"{_DOWNLOAD}*"):  # of a process that died while it downloaded
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_DOWNLOAD, dir=folder.parent) as temporary:
            fetched = self._registry.download(release.version, Path(temporary))
            if not self._holds(fetched, release):
                raise Refused(
                    f"The artifact of version {release.version} is not the one the gate recorded "
                    f"(expected {release.artifact_digest}). Train and promote it again."
                )
            shutil.rmtree(folder, ignore_errors=True)
            fetched.rename(folder)

    def _open(self, folder: Path, release: Release) -> Scorer:
        import vigie_model

        try:
            return self._load(folder)
        except vigie_model.ArtifactError as error:
            shutil.rmtree(folder, ignore_errors=True)  # damaged on disk: the next attempt downloads it again
            raise Refused(f"Version {release.version} cannot be loaded: {error}") from error

    def remember(self, release: Release) -> None:
        """Write the record at once or not at all, and remove every version but this one and the one before.

        What others that share the cache may load from goes on, too: it is removed when they are through.
        """
        self._cache.mkdir(parents=True, exist_ok=True)
        with locked(self._cache, patience_s=self._patience_s) as ours:
            before = self._recorded()
            self._record(release)
            if not ours or (before is not None and before.version == release.version):
                return  # a neighbour swapped first, and has removed what was to be removed
            keep = {release.version, before.version if before else ""}
            for found in self._cache.iterdir():
                if found.is_dir() and found.name.isdigit() and found.name not in keep:
                    shutil.rmtree(found, ignore_errors=True)
                elif found.name.endswith(_UNFINISHED):  # of a process that died while it wrote its record
                    found.unlink(missing_ok=True)

    def _record(self, release: Release) -> None:
        # A name of its own: the process numbers of two containers may be the same.
        descriptor, temporary = tempfile.mkstemp(dir=self._cache, prefix=f".{_RECORD}-", suffix=_UNFINISHED)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(release), file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(self._cache / _RECORD)

    def _recorded(self) -> Release | None:
        try:
            return Release(**json.loads((self._cache / _RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def remembered(self) -> tuple[Release, Scorer] | None:
        """The last good version from disk, verified again; None when there is none or it is damaged."""
        if not self._cache.is_dir():
            return None
        with locked(self._cache, shared=True, patience_s=self._reading_s):
            release = self._recorded()
            if release is None or not self._holds(self._cache / release.version, release):
                return None
            try:
                return release, self._open(self._cache / release.version, release)
            except Refused:
                return None
