"""Exports of feedback, of any size in constant memory: NDJSON for programs, CSV for spreadsheets.

A cell of a spreadsheet that starts with one of `= + - @`, their full-width forms, a tab or a line's end may be run as a
formula (https://owasp.org/www-community/attacks/CSV_Injection). Such a cell gets an apostrophe in front, and so does
one that starts with an apostrophe. Hence the way back: take one leading apostrophe away from every cell that has one.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, date, datetime
from typing import Final, Literal

from vigie_api.database.engine import Database
from vigie_api.feedback.listing import Filters, read_pages
from vigie_api.feedback.schema import FeedbackOut

Format = Literal["json", "ndjson", "csv"]
MEDIA_TYPES: Final[dict[Format, str]] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
}
COLUMNS: Final = (
    "received_at",
    "verdict",
    "text",
    "sentiment",
    "correction",
    "score",
    "language",
    "model_version",
    "predicted_at",
    "given_by",
    "comment",
    "prediction_id",
    "id",
)
_PAGE = 500
_BYTE_ORDER_MARK = "\ufeff"  # Excel takes a file without one for Windows-1252, and spoils every accent
_GUARD = "'"
_GUARDED = frozenset("=+-@\t\r\n＝＋－＠" + _GUARD)


def guarded(cell: str) -> str:
    """The cell as a spreadsheet may see it: never a formula."""
    return _GUARD + cell if cell[:1] in _GUARDED and cell else cell


def unguarded(cell: str) -> str:
    """The cell that `guarded` was given."""
    return cell.removeprefix(_GUARD)


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
    head = csv_lines([COLUMNS], mark=True) if kind == "csv" else b""
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
    return csv_lines([_cell(getattr(row, name)) for name in COLUMNS] for row in page)


def _cell(value: str | float | datetime | None) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else str(value)


def csv_lines(rows: Iterable[Iterable[str]], *, mark: bool = False) -> bytes:
    """Rows as RFC 4180 says, in UTF-8 and guarded; `mark` puts the byte order mark before them."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return ((_BYTE_ORDER_MARK if mark else "") + buffer.getvalue()).encode()
