"""Mentions from a CSV file, whatever its columns are called; what is wrong with a row is told with its line."""

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
from pydantic import ValidationError

from vigie_api.mentions.schema import MAX_REACH, MentionIn
from vigie_api.replay.errors import Misuse
from vigie_api.replay.reading import ALL, TEXT_NAMES, TIME_NAMES, find_column, layout_of, opened
from vigie_api.replay.times import TimeReader

_CHUNK_ROWS: Final = 10_000
_LINES_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class Mapping:
    """Names of the columns, None to look for the usual ones (text, time) or to do without (the others)."""

    text: str | None = None
    time: str | None = None
    topic: str | None = None
    id: str | None = None
    author: str | None = None
    reach: str | None = None
    url: str | None = None


class Line(NamedTuple):
    """A mention and where in the file it ended, the header being line 1."""

    number: int
    mention: MentionIn


@dataclass(slots=True)
class Faults:
    """Rows that are no mention, by what is wrong with them."""

    rows: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    """The first twenty lines of each."""

    def add(self, reason: str, line: int) -> None:
        """Note one."""
        self.rows[reason] = self.rows.get(reason, 0) + 1
        told = self.lines.setdefault(reason, [])
        if len(told) < _LINES_TOLD:
            told.append(line)

    @property
    def total(self) -> int:
        """How many rows."""
        return sum(self.rows.values())

    def document(self) -> list[dict[str, Any]]:
        """For JSON."""
        return [{"reason": reason, "rows": rows, "lines": self.lines[reason]} for reason, rows in self.rows.items()]


class MentionFile:
    """One file. Iterate once; `rows` and `faults` are complete after that."""

    def __init__(self, path: Path, columns: Mapping, times: TimeReader, *, source: str, topic: str | None) -> None:
        """Look at the head of the file.

        Raises:
            Misuse: it cannot be read, or has no such column.
        """
        self._path = path
        self._times = times
        self._source = source
        self._topic = topic or ALL
        try:
            self._layout = layout_of(path)
        except (OSError, EOFError, csv.Error) as error:
            raise Misuse(f"cannot read {path}: {getattr(error, 'strerror', None) or error}.") from error
        usual = {"text": TEXT_NAMES, "time": TIME_NAMES}
        self._at: dict[str, int] = {}
        for what in Mapping.__slots__:
            name = find_column(path.name, self._layout.names, getattr(columns, what), usual.get(what, ()), what)
            if name is not None:
                self._at[what] = self._layout.names.index(name)
        self.rows = 0
        self.faults = Faults()

    def __iter__(self) -> Iterator[Line]:
        try:
            with (
                opened(self._path) as raw,
                io.TextIOWrapper(raw, encoding=self._layout.encoding, errors="replace", newline="") as text,
            ):
                rows = self._whole_rows(csv.reader(text, delimiter=self._layout.delimiter))
                while chunk := list(islice(rows, _CHUNK_ROWS)):
                    yield from self._mentions(chunk)
        except (OSError, EOFError) as error:
            raise Misuse(f"cannot read {self._path}: {getattr(error, 'strerror', None) or error}.") from error

    def _whole_rows(self, reader: Any) -> Iterator[tuple[int, list[str]]]:
        """The rows that have as many fields as the header, or fewer, with the number of the line they end on."""
        names = len(self._layout.names)
        header = self._layout.header
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.rows += 1
                self.faults.add(f"no CSV ({error})", reader.line_num)
                continue
            if header or not row:
                header = False
                continue
            self.rows += 1
            if len(row) > names:
                self.faults.add(f"{len(row)} fields where the header has {names}", reader.line_num)
                continue
            yield reader.line_num, row + [""] * (names - len(row))

    def _mentions(self, chunk: list[tuple[int, list[str]]]) -> Iterator[Line]:
        at_s = self._times.read(pd.Series([row[self._at["time"]] for _, row in chunk], dtype=str))
        for (number, row), seconds in zip(chunk, at_s.tolist(), strict=True):
            if math.isnan(seconds):
                self.faults.add("no time that can be read", number)
                continue
            try:
                yield Line(number, self._mention(row, seconds))
            except ValidationError as error:
                self.faults.add(_why(error), number)

    def _mention(self, row: list[str], at_s: float) -> MentionIn:
        """Raises ValidationError. What is optional and makes no sense is left out."""
        url = self._cell(row, "url")
        return MentionIn(
            source=self._source,
            external_id=self._cell(row, "id") or _digest(row),
            topic=self._cell(row, "topic") or self._topic,
            text=row[self._at["text"]],
            created_at=datetime.fromtimestamp(at_s, UTC),
            author=self._cell(row, "author") or None,
            url=url if url.startswith(("http://", "https://")) else None,
            reach=_whole(self._cell(row, "reach")),
        )

    def _cell(self, row: list[str], what: str) -> str:
        return row[self._at[what]].strip() if what in self._at else ""


def _digest(row: list[str]) -> str:
    """The id of a row without one: the same row is the same post, in this file and in the next."""
    return hashlib.blake2b(json.dumps(row).encode(), digest_size=16).hexdigest()


def _whole(number: str) -> int | None:
    try:
        found = int(float(number))
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found <= MAX_REACH else None


def _why(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
