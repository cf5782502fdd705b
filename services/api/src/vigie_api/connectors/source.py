"""The port of connectors: a source reads from where it stopped, and hands out mentions with the place to go on from.

Source              what a connector is: one method
SourceError         what keeps it from reading; the message is for operators, and never holds the text of a post
├── SourceAway      the other side does not answer or asks us to wait: tried again by itself
└── SourceRefuses   a person must do something (a wrong key, a wrong query): tried again slowly
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from pydantic import ValidationError

from vigie_api.mentions.schema import MentionIn

Cursor: TypeAlias = Any
"""Where to go on: any JSON value of the source's own making. It is kept in the database."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Mentions (none is fine), and where to go on once they are durable.

    `malformed` counts what could not be read and was left out. `trouble` says what a part of the source suffers from
    while the rest goes on, such as a query that is refused.
    """

    mentions: tuple[MentionIn, ...]
    cursor: Cursor
    malformed: int = 0
    trouble: str | None = None


class Source(Protocol):
    """Reads one place where people post. `pause_s`: seconds to wait before reading again once `read` has ended."""

    pause_s: float

    def read(self, cursor: Cursor | None) -> AsyncGenerator[Batch, None]:
        """Everything since `cursor`, oldest place first; None: the first time. Ends when it has caught up, or never.

        The next batch is asked for when the one before is durable, so a slow database slows the reading down. What
        comes twice is stored once. Raises SourceAway and SourceRefuses; the runner calls again, with the cursor of the
        last batch that it got.
        """
        ...


class SourceError(Exception):
    """Reading cannot go on now."""


class SourceAway(SourceError):  # noqa: N818 - reads as what happened
    """It may work later. `retry_after_s`: how long the other side asks us to wait, when it does."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceRefuses(SourceError):  # noqa: N818 - as above
    """It works when somebody has changed something."""


@dataclass(slots=True)
class Tray:
    """Collects the mentions of a batch, and counts what is none."""

    mentions: list[MentionIn] = field(default_factory=list)
    malformed: int = 0

    def add(self, **fields: Any) -> None:
        """Put in the mention of these fields (those of MentionIn), or count it when they break its rules."""
        try:
            self.mentions.append(MentionIn(**fields))
        except ValidationError:
            self.malformed += 1

    def batch(self, cursor: Cursor, trouble: str | None = None) -> Batch:
        """What was collected; the tray is empty afterwards."""
        done = Batch(tuple(self.mentions), cursor, self.malformed, trouble)
        self.mentions, self.malformed = [], 0
        return done
