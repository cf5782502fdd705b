"""A finished run on disk: complete before anything is sent, removed only when MLflow has all of it."""

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vigie_trainer.errors import Unavailable

RUN_FILE = "run.json"
FILES = "files"
MODEL = "model"
_PARTIAL = ".partial"
_ABANDONED_AFTER_S = 24 * 3600


@dataclass
class RunRecord:
    """Everything that MLflow is to know of a run.

    Attributes:
        key: names the run for ever; the tag vigie.run_key carries it, so that a run is never sent twice.
        name: for people.
        start_ms, end_ms: Unix time in milliseconds.
        tags, params, metrics: as in MLflow.
        curves: metric name -> value of each step.
        datasets: [{name, digest, rows, context, source}].
        register: whether the model becomes a version of the registered model.
        row: the run's entry of `vigie train --json`.
    """

    key: str
    name: str
    start_ms: int
    end_ms: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    datasets: list[dict[str, Any]] = field(default_factory=list)
    register: bool = False
    row: dict[str, Any] = field(default_factory=dict)


class RunDraft:
    """A run that is being made; it becomes pending in one step, or leaves nothing behind.

    Raises Unavailable when the pending folder cannot be written.
    """

    def __init__(self, pending: Path, name: str) -> None:
        self.record = RunRecord(key=uuid.uuid4().hex, name=name, start_ms=now_ms())
        self._pending = pending
        self.folder = pending / f".{self.record.key}{_PARTIAL}"
        try:
            (self.folder / FILES).mkdir(parents=True)
        except OSError as error:
            raise Unavailable(
                f"{pending} cannot be written: {error.strerror or error}; set VIGIE_HOME to a folder that can."
            ) from None

    @property
    def files(self) -> Path:
        """Folder of what becomes the run's artifacts."""
        return self.folder / FILES

    @property
    def model(self) -> Path:
        """Folder of the MLflow model; may stay absent."""
        return self.folder / MODEL

    def finish(self) -> "PendingRun":
        """Make the run complete: from here on a crash loses nothing."""
        self.record.end_ms = self.record.end_ms or now_ms()
        path = self.folder / RUN_FILE
        with path.open("w", encoding="utf-8") as out:
            json.dump(asdict(self.record), out, ensure_ascii=False, indent=1)
            out.flush()
            os.fsync(out.fileno())
        final = self._pending / self.record.key
        self.folder.rename(final)
        return PendingRun(final)

    def discard(self) -> None:
        """Remove what was made so far."""
        shutil.rmtree(self.folder, ignore_errors=True)


class PendingRun:
    """A complete run that MLflow may or may not have already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = RunRecord(**json.loads((folder / RUN_FILE).read_text(encoding="utf-8")))

    @property
    def files(self) -> Path:
        """Folder of the run's artifacts."""
        return self.folder / FILES

    @property
    def model(self) -> Path:
        """Folder of the MLflow model; may be absent."""
        return self.folder / MODEL

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Hold the run against other senders; False when another process is sending it, or has just sent it."""
        try:
            lock = (self.folder / ".lock").open("w")
        except FileNotFoundError:
            yield False
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield (self.folder / RUN_FILE).exists()

    def remove(self) -> None:
        """Forget the run: MLflow has it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def pending_runs(pending: Path) -> list[PendingRun]:
    """The runs that wait, oldest first; drafts abandoned for a day are swept away."""
    if not pending.is_dir():
        return []
    for draft in pending.glob(f".*{_PARTIAL}"):
        with suppress(FileNotFoundError):  # another command has just finished it
            if time.time() - draft.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(draft, ignore_errors=True)
    runs = []
    for path in pending.glob(f"[!.]*/{RUN_FILE}"):
        with suppress(FileNotFoundError):  # another command has just sent it
            runs.append(PendingRun(path.parent))
    return sorted(runs, key=lambda run: run.record.end_ms)


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000
