"""Where the rows of a training came from, so that a later one can read them again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vigie_trainer.errors import Misuse

TAG = "vigie.source"


@dataclass(frozen=True)
class DataSource:
    """What a command was told about its data; paths are absolute.

    Attributes:
        data: file of the main dataset; None for the built-in demo corpus, or when a protocol fixes the rows.
        folder: of the protocol, or where word vectors may lie.
        extra: files whose rows were for the train side only.
        sample: rows chosen at random.
    """

    data: str | None = None
    protocol: str | None = None
    folder: str | None = None
    extra: tuple[str, ...] = ()
    calibration: str | None = None
    sample: int | None = None
    text_column: str | None = None
    label_column: str | None = None
    labels: str | None = None

    @property
    def built_in(self) -> bool:
        """Whether the demo corpus served, which is always there."""
        return self.data is None and self.protocol is None

    def dumped(self) -> str:
        """The text of the tag."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, sort_keys=True)

    def missing(self) -> list[str]:
        """The files and folders that are not there any more."""
        needed = [self.data, *self.extra, self.calibration, self.folder if self.protocol else None]
        return [path for path in needed if path and not Path(path).exists()]


def parsed(text: str) -> DataSource:
    """The source that a tag names.

    Raises:
        Misuse: the tag says nothing that this version understands.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        return DataSource(**document | {"extra": tuple(document.get("extra", ()))})
    except (ValueError, TypeError, AttributeError):
        raise Misuse(f"the tag {TAG} of the champion's run is not readable; name its data with --data FILE.") from None


def absolute(path: Path | None) -> str | None:
    """The path as it is written down."""
    return None if path is None else str(path.resolve())
