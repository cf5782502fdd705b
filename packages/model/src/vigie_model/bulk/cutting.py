"""Cuts a stream of bytes into chunks of whole records, which may then be judged in any order, anywhere.

Cutting looks for the ends of records only: of NDJSON these are line feeds; of CSV a line feed may stand inside quotes,
so the standard library's reader finds them. A chunk read alone gives the very records that the cutter counted.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final, NamedTuple

from vigie_model.bulk.csv_records import MAX_FIELD_CHARACTERS
from vigie_model.bulk.layout import Kind, Layout, Unreadable, Wanted, csv_layout, ndjson_layout

MAX_RECORD_BYTES: Final = 262_144
"""Longest record: a text of 10,000 characters, each written as two \\u escapes, and as much again."""
MAX_RECORD_LINES: Final = 200
"""Most line feeds of one CSV record; more is a quote that nobody closed. Bounds what a hostile file can cost."""
_LONG_REST = 16_384
_WORTH_A_LOOK = 4_096
"""A long record that comes a byte at a time is not read again for each."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Chunk(NamedTuple):
    """Whole records. `fault` is set instead of `data` for one record that is not worth reading."""

    first_row: int
    """Number of the first record, from 1; headers and blank lines are no records."""
    rows: int
    data: bytes
    fault: str | None = None


class Cutter:
    """Takes bytes as they come and gives chunks as soon as they are whole. Holds one unfinished record at most.

    `layout` is None until the header of a CSV has been seen.
    """

    def __init__(
        self, kind: Kind, wanted: Wanted, *, encoding: str = "utf-8", max_record_bytes: int = MAX_RECORD_BYTES
    ) -> None:
        self.layout: Layout | None = ndjson_layout(wanted) if kind == "ndjson" else None
        self._csv = kind == "csv"
        self._wanted = wanted
        self._encoding = encoding
        self._max_bytes = max_record_bytes
        self._rest = b""
        self._row = 1
        self._skipping = False
        self._begun = False
        self._unseen = 0

    @property
    def rows(self) -> int:
        """Records seen so far."""
        return self._row - 1

    def feed(self, data: bytes) -> list[Chunk]:
        """The chunks that end in `data`. Raises Unreadable: the header makes no sense."""
        return list(self._cut(data, last=False))

    def finish(self) -> list[Chunk]:
        """What is left when the stream has ended. Raises Unreadable: there was no header."""
        chunks = list(self._cut(b"", last=True))
        if self.layout is None:
            raise Unreadable("The stream is empty; send a CSV with a header.")
        return chunks

    def _cut(self, data: bytes, *, last: bool) -> Iterator[Chunk]:
        self._unseen += len(data)
        may_end = last or b"\n" in data
        data = self._rest + data
        if not may_end and len(self._rest) > _LONG_REST and self._unseen < _WORTH_A_LOOK:
            self._rest = data
            return
        self._unseen = 0
        if not self._begun:
            if len(data) < 4 and not last:
                self._rest = data
                return
            self._begun = True
            _refuse_other_formats(data)
            data = data.removeprefix(_BYTE_ORDER_MARK)
        if self._skipping:
            end = data.find(b"\n") + 1
            if not end:
                self._rest = b""
                return
            self._skipping = False
            data = data[end:]
        if self._csv:
            if self.layout is None:
                data = self._header(data, last=last)
                if self.layout is None:
                    self._rest = data
                    return
            yield from self._cut_csv(data, self.layout.delimiter, last=last)
        else:
            yield from self._cut_lines(data, last=last)
        if len(self._rest) > self._max_bytes:
            yield self._fault(f"the record is longer than {self._max_bytes:,} bytes")
            self._rest, self._skipping = b"", True

    def _cut_lines(self, data: bytes, *, last: bool) -> Iterator[Chunk]:
        end = len(data) if last else data.rfind(b"\n") + 1
        whole, self._rest = data[:end], data[end:]
        lines = whole.split(b"\n")
        blank = sum(not line for line in lines) if self._csv else sum(not line or line.isspace() for line in lines)
        yield from self._whole(whole, len(lines) - blank)

    def _cut_csv(self, data: bytes, delimiter: str, *, last: bool) -> Iterator[Chunk]:
        """One chunk of every record that ends in `data`, and one more for each that never will."""
        if b'"' not in data and b"\r" not in data:  # then every line feed ends a record, as in most of most files
            yield from self._cut_lines(data, last=last)
            return
        lines = data.decode("latin-1").split("\n")
        open_line = lines.pop()  # what follows the last line feed
        physical = [line + "\n" for line in lines]
        if last and open_line:
            physical.append(open_line)
            open_line = ""
        done, records, start = 0, 0, 0  # lines and records so far, and where the chunk begins
        while done < len(physical):
            ended, found, broken = _records_in(physical, done, delimiter)
            done, records = ended, records + found
            if not broken:
                break
            pending = len(physical) - done
            waiting = not last and broken == "open" and pending <= MAX_RECORD_LINES
            if waiting and sum(map(len, physical[done:])) <= self._max_bytes:
                break
            # As `read_records` does: broken quotes cost one line, and reading goes on at the next.
            yield from self._whole("".join(physical[start:done]).encode("latin-1"), records)
            yield self._fault("its quotes make no sense")
            done += 1
            start, records = done, 0
        yield from self._whole("".join(physical[start:done]).encode("latin-1"), records)
        self._rest = ("".join(physical[done:]) + open_line).encode("latin-1")

    def _header(self, data: bytes, *, last: bool) -> bytes:
        """What follows the header, once it is there."""
        data = data.lstrip(b"\r\n")
        # A header of more than one line has quotes around its line feeds; it is whole when their number is even. But a
        # line that makes sense alone is a header, whatever stray quote it has: the lines that follow are rows.
        end = data.find(b"\n") + 1
        while end and data.count(b'"', 0, end) % 2 and not self._is_header(data[:end]):
            end = data.find(b"\n", end) + 1
        if not end:
            if last and data:
                end = len(data)
            elif len(data) > self._max_bytes:
                raise Unreadable("The first line is too long for a CSV header.")
            else:
                return data
        self.layout, has_header = csv_layout(data[:end].decode("latin-1"), self._wanted, self._encoding)
        return data[end:] if has_header else data

    def _is_header(self, data: bytes) -> bool:
        try:
            return csv_layout(data.decode("latin-1"), self._wanted, self._encoding)[1]
        except Unreadable:
            return False

    def _whole(self, data: bytes, rows: int) -> Iterator[Chunk]:
        if rows:
            yield Chunk(self._row, rows, data)
            self._row += rows

    def _fault(self, why: str) -> Chunk:
        self._row += 1
        return Chunk(self._row - 1, 1, b"", why)


def _records_in(lines: list[str], start: int, delimiter: str) -> tuple[int, int, str]:
    """Where the last whole record from line `start` on ends, how many there are, and what is wrong with the next.

    That is "" when the lines end with a record, "open" when it may go on in lines to come, else "broken".
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    taken = done = start
    records = 0

    def feed() -> Iterator[str]:
        nonlocal taken
        while taken < len(lines) and taken - done < MAX_RECORD_LINES:
            taken += 1
            yield lines[taken - 1]

    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            done = taken
            records += bool(fields)
    except csv.Error:
        return done, records, "open" if taken == len(lines) or taken - done >= MAX_RECORD_LINES else "broken"
    return done, records, ""


def _refuse_other_formats(head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("The stream is in UTF-16; send UTF-8.")
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"BZh")):
        raise Unreadable("The stream is packed, or no text at all; send plain CSV or NDJSON.")
