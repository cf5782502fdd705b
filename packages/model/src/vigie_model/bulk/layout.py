"""What a stream of posts looks like: where the text is, and what else of a row is kept."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vigie_model.bulk.csv_records import read_records
from vigie_model.model import MAX_TEXT_LENGTH

Kind = Literal["csv", "ndjson"]
TEXT_NAMES = (
    "text", "comment", "tweet", "content", "post", "body",
    "texte", "message", "contenu", "commentaire", "publication", "verbatim", "avis",
)  # fmt: skip
"""What the column of the texts is called, when nobody says: the first of these that there is."""
ID_NAME = "id"
"""A column of this name is kept without being asked for."""
RESERVED = ("row", "sentiment", "score", "confidence", "uncertain", "language", "error", "done")
"""Names of the answer's own fields, which no kept column may have."""
_SENTIMENT140 = ("target", "id", "date", "flag", "user", "text")
_DELIMITERS = (",", ";", "\t")
_MOST_NAMES_TOLD = 20


class Unreadable(ValueError):  # noqa: N818 - reads as what the stream is
    """The stream as a whole cannot be scored; the message is one sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person says about a stream.

    Attributes:
        text: name of the column (or field) of the texts; None for the first of TEXT_NAMES.
        keep: other columns to copy.
        max_chars: longest text that is judged, in Unicode characters.

    Raises Unreadable for a kept name that the answer has a use for itself.
    """

    text: str | None = None
    keep: tuple[str, ...] = ()
    max_chars: int = MAX_TEXT_LENGTH

    def __post_init__(self) -> None:
        for name in self.keep:
            if name in RESERVED:
                raise Unreadable(f"The column {name!r} cannot be kept: the answer has a field of that name. Rename it.")
        if len({*self.keep}) < len(self.keep):
            raise Unreadable("A column is to be kept twice; name each once.")

    @property
    def kept(self) -> tuple[str, ...]:
        """What is copied when it is there: the id, then what was asked for."""
        return self.keep if ID_NAME in self.keep else (ID_NAME, *self.keep)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one stream are read. Plain data: it travels to other processes.

    Attributes:
        kind: csv or ndjson.
        text: name of the text's column; of NDJSON, None when each row may name it otherwise.
        kept: names of the columns that are copied, in order.
        max_chars: as in Wanted.
        names, delimiter, encoding: of CSV.
    """

    kind: Kind
    text: str | None
    kept: tuple[str, ...]
    max_chars: int = MAX_TEXT_LENGTH
    names: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8"
    text_at: int = field(default=0)
    kept_at: tuple[int, ...] = ()


def ndjson_layout(wanted: Wanted) -> Layout:
    """The layout of NDJSON, whose rows each carry their own names."""
    return Layout("ndjson", wanted.text, wanted.kept, wanted.max_chars)


def csv_layout(head: str, wanted: Wanted, encoding: str = "utf-8") -> tuple[Layout, bool]:
    """The layout of a CSV stream, and whether its first record is a header.

    `head` is the first record, or more, decoded as Latin-1. Without a header it must be Sentiment140's own file.

    Raises Unreadable: no header, or no such column.
    """
    first: list[str] = []
    for delimiter in _DELIMITERS:
        fields = _first_record(head, delimiter)
        if fields is None:
            continue
        if delimiter == "," and _is_sentiment140(fields):
            return _csv(_SENTIMENT140, ",", "latin-1", wanted), False
        names = [_decoded(name, encoding).strip() for name in fields]
        if _text_at(names, wanted.text) is not None:
            return _csv(names, delimiter, encoding, wanted), True
        first = first or names
    if not first:
        raise Unreadable("The first line is no CSV header. Send a header with a column of texts.")
    asked = f"no column {wanted.text!r}" if wanted.text else "no column of texts that we know by its name"
    raise Unreadable(f"The CSV has {asked}; it has {_listed(first)}. Say which one holds the texts.")


def _csv(names: Sequence[str], delimiter: str, encoding: str, wanted: Wanted) -> Layout:
    text_at = _text_at(names, wanted.text)
    if text_at is None:
        raise Unreadable(f"The CSV has no column {wanted.text!r}; it has {_listed(names)}.")
    missing = [name for name in wanted.keep if name not in names]
    if missing:
        raise Unreadable(f"The CSV has no column {missing[0]!r} to keep; it has {_listed(names)}.")
    kept = tuple(name for name in wanted.kept if name in names)
    kept_at = tuple(names.index(name) for name in kept)
    return Layout(
        "csv", names[text_at], kept, wanted.max_chars, tuple(names), delimiter, encoding, text_at, kept_at
    )  # fmt: skip


def text_column(names: Sequence[str], asked: str | None) -> str | None:
    """The column of the texts among these, in any case of letters; None when there is none."""
    at = _text_at(names, asked)
    return None if at is None else names[at]


def _text_at(names: Sequence[str], asked: str | None) -> int | None:
    folded = [name.casefold() for name in names]
    candidates = TEXT_NAMES if asked is None else (asked.casefold(),)
    return next((folded.index(name) for name in candidates if name in folded), None)


def _first_record(head: str, delimiter: str) -> list[str] | None:
    for record in read_records(io.StringIO(head, newline="\n"), delimiter):
        return record.fields
    return None


def _is_sentiment140(fields: Sequence[str]) -> bool:
    return len(fields) == len(_SENTIMENT140) and fields[0] in ("0", "2", "4") and fields[1].isdigit()


def _decoded(name: str, encoding: str) -> str:
    try:
        return name.encode("latin-1").decode(encoding)
    except UnicodeError:
        return name


def _listed(names: Sequence[str]) -> str:
    told = ", ".join(repr(name[:30]) for name in names[:_MOST_NAMES_TOLD])
    return told + (" and more" if len(names) > _MOST_NAMES_TOLD else "")
