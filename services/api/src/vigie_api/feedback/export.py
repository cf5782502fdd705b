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
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final, Literal

from vigie_api.database.engine import Database
from vigie_api.feedback.listing import Filters, read_pages
from vigie_api.feedback.schema import FeedbackOut

Format = Literal["json", "ndjson", "csv"]
MEDIA_TYPES: Final[dict[Format, str]] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
}
_PAGE = 500
_BYTE_ORDER_MARK = "\ufeff".encode()  # Excel takes a file without one for Windows-1252, and spoils every accent
_GUARD = "'"
_GUARDED = frozenset("=+-@\t\r\n＝＋－＠" + _GUARD)
_CUTS = ";\t\r\n"
# After a cut the quote that the format doubles ends nothing but an empty string: what follows it starts the cell.
_INNER_START = re.compile(r"([;\t\r\n])(?=[=+\-@\t\r\n＝＋－＠'\"])")
_INNER_GUARD = re.compile(r"([;\t\r\n])'")


def guarded(cell: str) -> str:
    """The cell as a spreadsheet may see it: never a formula."""
    inner = _INNER_START.sub(r"\1'", cell) if any(cut in cell for cut in _CUTS) else cell
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


async def _written(
    first: bytes, pages: AsyncIterator[list[FeedbackOut]], write: Callable[[list[FeedbackOut]], bytes]
) -> AsyncIterator[bytes]:
    yield first
    async for page in pages:
        yield write(page)


def _as_ndjson(page: list[FeedbackOut]) -> bytes:
    return b"".join(row.__pydantic_serializer__.to_json(row) + b"\n" for row in page)


def _as_csv(page: list[FeedbackOut]) -> bytes:
    return _csv_lines([write(value) for write, value in zip(_WRITERS, _values(row), strict=True)] for row in page)


def _plain(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _foreign(value: str | None) -> str:
    return "" if value is None else guarded(value)


def _time(value: datetime | None) -> str:
    # The database gives UTC alone; ten thousand strftime would be a third of an export's time.
    return "" if value is None else f"{value.isoformat(timespec='milliseconds')[:-6]}Z"


# In the order of the file. What somebody else wrote is guarded; the rest never starts like a formula.
_COLUMNS: Final[dict[str, Callable[[Any], str]]] = {
    "received_at": _time,
    "verdict": _plain,
    "text": _foreign,
    "sentiment": _plain,
    "correction": _plain,
    "score": _plain,
    "language": _plain,
    "model_version": _plain,
    "predicted_at": _time,
    "given_by": _foreign,
    "comment": _foreign,
    "prediction_id": _foreign,
    "id": _plain,
}
COLUMNS: Final = tuple(_COLUMNS)
_WRITERS: Final = tuple(_COLUMNS.values())
_values: Final = attrgetter(*COLUMNS)


def _csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)  # as RFC 4180 says
    return buffer.getvalue().encode()
