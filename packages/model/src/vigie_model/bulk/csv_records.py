"""CSV records with the line where each one starts, resynchronised after a broken quote."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# A post has line breaks of its own; more than this in one record is a quote that nobody closed.
MAX_RECORD_LINES = 1_000
MAX_FIELD_CHARACTERS = 16 * 1024 * 1024


class Record(NamedTuple):
    """One CSV record.

    Attributes:
        line: number of its first physical line, from 1.
        fields: its values, or None when its quotes make no sense.
    """

    line: int
    fields: list[str] | None


class _OpenQuote(Exception):  # noqa: N818 - a signal between the two halves of this module
    """A record took more lines than any post has."""


class _Lines:
    """Feeds physical lines to csv.reader and remembers those of the record being read, so that they can be reread."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self.first_line = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self._taken) >= MAX_RECORD_LINES:
            raise _OpenQuote
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        return line

    def accept(self) -> None:
        """The record is complete."""
        self.first_line += len(self._taken)
        self._taken.clear()

    def give_up_first(self) -> None:
        """Only the first line of the record is lost; read the others again."""
        self._again.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]
        self.accept()


def read_records(lines: Iterable[str], delimiter: str = ",") -> Iterator[Record]:
    """Yield the records of a CSV text; blank lines are no records.

    A record with broken quotes costs one line, never the rows after it: reading goes on at the next physical line.

    Args:
        lines: physical lines with their ends (a file opened with newline="").
        delimiter: the character between two fields.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    source = _Lines(lines)
    while True:
        # strict: otherwise a stray quote would join several rows into one that looks right.
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                line = source.first_line
                source.accept()
                if fields:
                    yield Record(line, fields)
        except (csv.Error, _OpenQuote):
            line = source.first_line
            source.give_up_first()
            yield Record(line, None)
        else:
            return
