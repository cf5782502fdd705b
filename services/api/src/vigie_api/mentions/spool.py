"""Mentions on disk while the database is away: a file for each list that was accepted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vigie_api.database.disk_queue import DiskQueue
from vigie_api.mentions.rows import MentionRow

FOLDER: Final = "mentions"
"""Of the spool's folder, what is ours."""


class MentionSpool(DiskQueue[Sequence[MentionRow]]):
    """Lists of mentions, a file each; at least one in each."""

    def __init__(self, spool_dir: Path) -> None:
        super().__init__(spool_dir / FOLDER)
        self.paths()

    @property
    def mentions(self) -> int:
        """Mentions that wait."""
        return self._mentions if self.depth else 0

    def paths(self) -> list[Path]:
        """The files of what waits now, oldest first."""
        paths = super().paths()
        self._mentions = sum(map(_size, paths))
        return paths

    def append(self, item: Sequence[MentionRow]) -> None:
        """Keep a list; on disk when this returns. Raises OSError when the disk refuses."""
        super().append(item)
        self._mentions += len(item)

    def done(self, path: Path) -> None:
        """A list is in the database: forget it here."""
        super().done(path)
        self._mentions = max(0, self._mentions - _size(path))  # a neighbour may have been first, and been counted

    def name(self, item: Sequence[MentionRow]) -> str:
        """The id of the first, and how many there are."""
        return f"{item[0].id}-{len(item)}"

    def document(self, item: Sequence[MentionRow]) -> Any:
        """An object each."""
        return {"mentions": [row._asdict() for row in item]}

    def item(self, document: Any) -> Sequence[MentionRow]:
        """The rows that were written."""
        return [MentionRow(**values) for values in document["mentions"]]


def _size(path: Path) -> int:
    """How many mentions the name of a file promises."""
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
