"""Where a run comes from: commit, lock, peak memory of the fit."""

import hashlib
import subprocess
import threading
from pathlib import Path
from types import TracebackType

from vigie_trainer.settings import Settings

UNKNOWN = "unknown"
_PACKAGE = Path(__file__).resolve().parent


def git_commit(settings: Settings) -> str:
    """Commit of the code that runs, `-dirty` when the tree differs; the setting, or `unknown`, outside a repository."""
    if settings.git_commit:
        return settings.git_commit
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--match="],  # noqa: S607 - git as the person has it
            cwd=_PACKAGE,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return found.stdout.strip() or UNKNOWN


def lock_digest(settings: Settings) -> str:
    """SHA-256 of the uv.lock above the code or the working folder; the setting, or `unknown`, where there is none."""
    if settings.lock_digest:
        return settings.lock_digest
    for folder in (*_PACKAGE.parents, Path.cwd()):
        lock = folder / "uv.lock"
        if lock.is_file():
            return "sha256:" + hashlib.sha256(lock.read_bytes()).hexdigest()
    return UNKNOWN


class PeakMemory:
    """Samples the memory of this process and its children while a block runs.

    Attributes:
        peak_mb: largest resident size seen, in megabytes (10^6 bytes).
    """

    def __init__(self, interval_s: float = 0.1) -> None:
        self.peak_mb = 0.0
        self._interval_s = interval_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        import psutil  # type: ignore[import-untyped]  # ships no types

        process = psutil.Process()
        while True:
            total = process.memory_info().rss
            for child in process.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak_mb = max(self.peak_mb, total / 1e6)
            if self._done.wait(self._interval_s):
                return
