"""Exports of feedback, of any size in constant memory: NDJSON for programs, CSV for spreadsheets.

A cell of a spreadsheet that starts with one of `= + - @`, their full-width forms, a tab or a line's end may be run as a
formula (https://owasp.org/www-community/attacks/CSV_Injection). Such a cell gets an apostrophe in front, and so does
one that starts with an apostrophe. A French Excel cuts the lines at semicolons instead of commas, and heeds no quotes
inside what it takes for a cell; so the same holds after a semicolon, a tab or a line's end within a cell. Hence the way
back: take one apostrophe away at the start of every cell and after each of these, wherever there is one.
"""

import re
from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Any, Final, Literal

from pydantic_core import to_json

from vigie_api.database.engine import Database
from vigie_api.feedback.listing import FIELDS, Filters, Page, read_pages

Format = Literal["json", "ndjson", "csv"]
MEDIA_TYPES: Final[dict[Format, str]] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
}
_PAGE = 1_000
_BYTE_ORDER_MARK = "\ufeff".encode()  # Excel takes a file without one for Windows-1252, and spoils every accent
_GUARD = "'"
_GUARDED = frozenset("=+-@\t\r\n＝＋－＠" + _GUARD)
# After a cut the quote that the format doubles ends nothing but an empty string: what follows it starts the cell.
_INNER_START = re.compile(r"([;\t\r\n])(?=[=+\-@\t\r\n＝＋－＠'\"])")
_INNER_GUARD = re.compile(r"([;\t\r\n])'")


def guarded(cell: str) -> str:
    """The cell as a spreadsheet may see it: never a formula."""
    # Most cells are harmless. Four looks for one sign each take a fifth of the time of one expression for them all.
    if ";" in cell or "\n" in cell or "\t" in cell or "\r" in cell:
        inner = _INNER_START.sub(r"\1'", cell)
        return _GUARD + inner if cell[0] in _GUARDED else inner
    return _GUARD + cell if cell[:1] in _GUARDED else cell


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
    csv_wanted = kind == "csv"
    pages = read_pages(database, filters, _PAGE, _as_csv if csv_wanted else _as_ndjson)
    head = _BYTE_ORDER_MARK + _csv_lines([COLUMNS]) if csv_wanted else b""
    return _whole(head + await anext(pages), pages)


async def _whole(first: bytes, pages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for page in pages:
        yield page


def _as_ndjson(page: Page) -> bytes:
    # The fields and their types are those of FeedbackOut, which is slow to make of every row.
    return b"".join(to_json(dict(zip(FIELDS, row[1:], strict=True))) + b"\n" for row in page)


def _as_csv(page: Page) -> bytes:
    return _csv_lines(map(_cells, page))


COLUMNS: Final = (
    "received_at", "verdict", "text", "sentiment", "correction", "score", "language", "model_version", "topic",
    "predicted_at", "given_by", "comment", "prediction_id", "id",
)  # fmt: skip


def _cells(row: tuple[Any, ...]) -> tuple[str, ...]:
    """In the order of COLUMNS. What somebody else wrote is guarded and quoted; the rest is letters, digits and dashes.

    csv.writer looks at every character of every cell for each sign that asks for quotes: three times as slow.
    """
    _, key, prediction_id, verdict, right, at, text, said, score, language, version, topic, predicted, by, comment = row
    return (
        at, verdict, _foreign(text), said or "", right or "", "" if score is None else repr(score), language or "",
        _foreign(version), _foreign(topic), predicted or "", _foreign(by), _foreign(comment), _foreign(prediction_id),
        key,
    )  # fmt: skip


def _foreign(value: str | None) -> str:
    return _quoted(guarded(value)) if value else ""


def _quoted(cell: str) -> str:
    """As RFC 4180 says."""
    if '"' in cell or "," in cell or "\n" in cell or "\r" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    return "".join([",".join(cells) + "\r\n" for cells in rows]).encode()
