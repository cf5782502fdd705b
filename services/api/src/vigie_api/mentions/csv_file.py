"""Mentions from a CSV file, whatever its columns are called; what is wrong with a row is told with its line."""

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
from pydantic import ValidationError

from vigie_api.mentions.column_names import USUAL, folded, guess, guess_time, is_french
from vigie_api.mentions.schema import MAX_REACH, MentionIn
from vigie_api.replay.errors import Misuse
from vigie_api.replay.reading import ALL, find_column, layout_of, opened
from vigie_api.replay.times import TimeReader

_CHUNK_ROWS: Final = 10_000
_LINES_TOLD: Final = 20
_MAX_AUTHOR_CHARS: Final = 200
_MAX_SOURCE_CHARS: Final = 32
_HOUR: Final = re.compile(r"(\d{1,2})\s?h\s?(\d\d)?")
_DAY: Final = re.compile(r"\d+[-/.]\d+[-/.]\d+")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Names of the columns, None to look for the usual ones; a file does without any but text and time."""

    text: str | None = None
    time: str | None = None
    topic: str | None = None
    id: str | None = None
    author: str | None = None
    reach: str | None = None
    url: str | None = None
    source: str | None = None


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

    def __init__(
        self, path: Path, columns: Mapping, times: TimeReader, *, source: str | None, topic: str | None
    ) -> None:
        """Look at the head of the file. A `source` or `topic` that is given is that of every post.

        Only a column that is named goes before it.

        Raises:
            Misuse: it cannot be read, or has no such column.
        """
        self._path = path
        self._times = times
        self._source = source or "csv"
        self._topic = topic or ALL
        try:
            self._layout = layout_of(path)
        except (OSError, EOFError, csv.Error) as error:
            raise Misuse(f"cannot read {path}: {getattr(error, 'strerror', None) or error}.") from error
        names = self._layout.names
        self.columns = _found(path.name, names, columns, {"source": source, "topic": topic})
        """The name of the column that each thing is taken from."""
        self._at = {what: names.index(name) for what, name in self.columns.items()}
        self._french = is_french(names)
        if self._french and times.day_first is None:
            times.day_first = True
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
        at_s = self._times.read(pd.Series([self._time(row) for _, row in chunk], dtype=str))
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
        author = self._cell(row, "author")
        return MentionIn(
            source=_source(self._cell(row, "source")) or self._source,
            external_id=self._cell(row, "id") or _digest(row),
            topic=self._cell(row, "topic") or self._topic,
            text=row[self._at["text"]],
            created_at=datetime.fromtimestamp(at_s, UTC),
            author=author if 0 < len(author) <= _MAX_AUTHOR_CHARS else None,
            url=url if url.startswith(("http://", "https://")) else None,
            reach=_whole(self._cell(row, "reach")),
        )

    def _time(self, row: list[str]) -> str:
        """When it was posted; the hour may have a column of its own, and be written 14h32."""
        told = self._cell(row, "time")
        if _DAY.fullmatch(told):
            told = f"{told} {self._cell(row, 'hour')}".strip()
        if self._french:
            told = _HOUR.sub(lambda hour: f"{hour[1]}:{hour[2] or '00'}", told.replace(" à ", " "))
        return told

    def _cell(self, row: list[str], what: str) -> str:
        return row[self._at[what]].strip() if what in self._at else ""


def _found(file: str, names: list[str], columns: Mapping, given: dict[str, str | None]) -> dict[str, str]:
    """Which column holds what: those that are named, then the usual ones among the rest. Raises Misuse."""
    at = {what: getattr(columns, what) for what in Mapping.__slots__ if getattr(columns, what) is not None}
    for what, name in at.items():
        find_column(file, names, name, (), what)
    if "text" not in at:
        at["text"] = guess(names, "text", taken=frozenset(at.values()))
    if "time" not in at:
        at["time"], at["hour"] = guess_time(names, taken=frozenset(filter(None, at.values())))
    for what in ("text", "time"):
        # Says what is missing.
        at[what] = at[what] or find_column(file, names, None, USUAL[what], what)
    for what in Mapping.__slots__:
        if what not in at and given.get(what) is None:
            at[what] = guess(names, what, taken=frozenset(filter(None, at.values())))
    return {what: name for what, name in at.items() if name is not None}


def _source(told: str) -> str:
    """A source as the API takes it: `Twitter / X` is `twitter-x`."""
    return folded(told).replace("_", "-")[:_MAX_SOURCE_CHARS]


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
