"""Exports of feedback, of any size in constant memory: NDJSON for programs, CSV for spreadsheets.

A cell of a spreadsheet that starts with one of `= + - @`, their full-width forms, a tab or a line's end may be run as a
formula (https://owasp.org/www-community/attacks/CSV_Injection). Such a cell gets an apostrophe in front, and so does
one that starts with an apostrophe. A French Excel cuts the lines at semicolons instead of commas, and heeds no quotes
inside what it takes for a cell; so the same holds after a semicolon, a tab or a line's end within a cell. Hence the way
back: take one apostrophe away at the start of every cell and after each of these, wherever there is one.
"""

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import Row

from vigie_api.database.engine import Database
from vigie_api.feedback.listing import Filters, as_feedback, read_pages

Format = Literal["json", "ndjson", "csv"]
MEDIA_TYPES: Final[dict[Format, str]] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
}
_PAGE = 1_000
_Page = Sequence[Row[Any]]
_BYTE_ORDER_MARK = "\ufeff".encode()  # Excel takes a file without one for Windows-1252, and spoils every accent
_GUARD = "'"
_GUARDED = frozenset("=+-@\t\r\n＝＋－＠" + _GUARD)
# After a cut the quote that the format doubles ends nothing but an empty string: what follows it starts the cell.
_INNER_START = re.compile(r"([;\t\r\n])(?=[=+\-@\t\r\n＝＋－＠'\"])")
# Most cells are harmless, and one look tells: nothing to guard at the start, and nothing that cuts.
_SUSPECT = re.compile(r"^[=+\-@＝＋－＠']|[;\t\r\n]")
_INNER_GUARD = re.compile(r"([;\t\r\n])'")


def guarded(cell: str) -> str:
    """The cell as a spreadsheet may see it: never a formula."""
    if _SUSPECT.search(cell) is None:
        return cell
    inner = _INNER_START.sub(r"\1'", cell)
    return _GUARD + inner if cell and cell[0] in _GUARDED else inner


def unguarded(cell: str) -> str:
    """The cell that `guarded` was given."""
    return _INNER_GUARD.sub(r"\1", cell.removeprefix(_GUARD))


def preferred(accept: str, asked: Format | None) -> Format:
    """The format to answer with: the one asked for in the address, else the first known one of the header Accept."""
    if asked is not None:
        return asked
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        for name, media_type in MEDIA_TYPES.items():
            if kind == media_type:
                return name
    return "json"


def file_name(kind: Format, day: date) -> str:
    """What a browser saves the export as."""
    return f"vigie-feedback-{day.isoformat()}.{kind}"


async def export(database: Database, filters: Filters, kind: Format) -> AsyncIterator[bytes]:
    """Every match, newest first, a few hundred at a time.

    The first page is read before this returns, so that a database that is away is a 503 and no broken stream.
    """
    write = _as_csv if kind == "csv" else _as_ndjson
    pages = read_pages(database, filters, _PAGE)
    head = _BYTE_ORDER_MARK + _csv_lines([COLUMNS]) if kind == "csv" else b""
    return _written(head + write(await anext(pages)), pages, write)


async def _written(first: bytes, pages: AsyncIterator[_Page], write: Callable[[_Page], bytes]) -> AsyncIterator[bytes]:
    yield first
    async for page in pages:
        yield write(page)


def _as_ndjson(page: _Page) -> bytes:
    return b"".join(row.__pydantic_serializer__.to_json(row) + b"\n" for row in map(as_feedback, page))


def _as_csv(page: _Page) -> bytes:
    return _csv_lines(map(_cells, page))


COLUMNS: Final = (
    "received_at", "verdict", "text", "sentiment", "correction", "score", "language", "model_version", "topic",
    "predicted_at", "given_by", "comment", "prediction_id", "id",
)  # fmt: skip


def _cells(row: Row[Any]) -> tuple[str | float | None, ...]:
    """In the order of COLUMNS. What somebody else wrote is guarded; the rest never starts like a formula."""
    return (
        _time(row.received_at),
        row.verdict,
        _foreign(row.text),
        row.sentiment,
        row.correction,
        row.score,
        row.language,
        row.model_version,
        _foreign(row.topic),
        _time(row.predicted_at),
        _foreign(row.given_by),
        _foreign(row.comment),
        _foreign(row.prediction_id),
        row.id,
    )


def _foreign(value: str | None) -> str | None:
    return None if value is None else guarded(value)


def _time(value: datetime | None) -> str | None:
    # The database gives UTC alone; ten thousand strftime would be a third of an export's time.
    return None if value is None else f"{value.isoformat(timespec='milliseconds')[:-6]}Z"


def _csv_lines(rows: Iterable[Iterable[str | float | None]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)  # as RFC 4180 says
    return buffer.getvalue().encode()
