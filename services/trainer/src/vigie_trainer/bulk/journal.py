"""What an interrupted run had done: the rows written so far, and a note of how far they are whole.

    FILE.partial         the rows
    FILE.partial.json    the note: what the job was, and how many rows and bytes are sure

The note is written after the rows are on the disk, so it never promises too much; what follows its last byte is cut
off when a run goes on.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vigie_trainer.errors import Misuse

_EVERY_S = 2.0


@dataclass(frozen=True)
class Done:
    """How far a run has come. `size` is in bytes of the partial file."""

    rows: int = 0
    scored: int = 0
    refused: int = 0
    size: int = 0


class Journal:
    """Appends to FILE.partial, and keeps its note. One process at a time.

    Raises Misuse: another run writes it, or it belongs to another job.
    """

    def __init__(self, output: Path, job: Mapping[str, Any], *, fresh: bool) -> None:
        """`job` is what must be the same for a run to go on; `fresh` forgets what is there."""
        self.partial = output.with_name(f"{output.name}.partial")
        self._note = output.with_name(f"{output.name}.partial.json")
        self._job = dict(job)
        try:
            self._file = self.partial.open("ab")
        except OSError as error:
            raise Misuse(f"{self.partial} cannot be written: {error.strerror}.") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise Misuse(f"another run writes {self.partial} now.") from None
        try:
            self.done = Done() if fresh else self._found()
            self._file.truncate(self.done.size)
        except BaseException:
            self._file.close()
            raise
        self._told_s = time.monotonic()

    def _found(self) -> Done:
        """How far the run before came."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            job, done = note["job"], Done(**note["done"])
        except (OSError, ValueError, KeyError, TypeError):
            return Done()
        if job != self._job:
            changed = ", ".join(name for name in self._job if job.get(name) != self._job[name]) or "the options"
            raise Misuse(
                f"{self.partial} was begun by another job ({changed} differ); --overwrite forgets it and starts again."
            )
        return done if done.size <= self.partial.stat().st_size else Done()

    def append(self, data: bytes, *, rows: int = 0, refused: int = 0) -> None:
        """Write the bytes of some more rows."""
        self._file.write(data)
        done = self.done
        self.done = Done(
            done.rows + rows, done.scored + rows - refused, done.refused + refused, done.size + len(data)
        )  # fmt: skip
        if time.monotonic() - self._told_s > _EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Bring what is written to the disk, then note it."""
        done = self.done
        self._file.flush()
        os.fsync(self._file.fileno())
        fresh = self._note.with_name(f".{self._note.name}.new")
        fresh.write_text(json.dumps({"job": self._job, "done": asdict(done)}), encoding="utf-8")
        fresh.replace(self._note)
        self._told_s = time.monotonic()

    def finished(self) -> None:
        """The output has its name: the note has done its work."""
        self._note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Nothing of it can be used again."""
        for path in (self._note, self.partial):
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Give up the lock."""
        self._file.close()
