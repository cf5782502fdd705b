"""Posts from a CSV file, in chunks, whatever its columns are called."""

import codecs
import csv
import gzip
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vigie_api.replay.errors import Misuse
from vigie_api.replay.labels import LabelReader
from vigie_api.replay.times import Seconds, TimeReader

TEXT_NAMES: Final = ("text", "comment", "tweet")
TIME_NAMES: Final = ("created_at", "time", "date", "timestamp", "tweet_created")
ALL: Final = "all"
"""The one topic of a file without a column of topics."""
_CHUNK_ROWS: Final = 50_000
_PROBE_BYTES: Final = 1 << 22
_SENTIMENT140: Final = ("target", "ids", "date", "flag", "user", "text")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns, None to look for the usual ones (text, time) or to do without (the others)."""

    text: str | None = None
    time: str | None = None
    topic: str | None = None
    author: str | None = None
    label: str | None = None


class Chunk(NamedTuple):
    """Rows whose time could be read."""

    at_s: Seconds
    text: list[str]
    topic: list[str]
    author: list[str] | None
    label: NDArray[np.int64] | None
    """Codes of `PostFile.labels`."""


class Layout(NamedTuple):
    """How a file is written. Without a header the names are Sentiment140's."""

    names: list[str]
    header: bool
    delimiter: str
    encoding: str


class PostFile:
    """One file. Iterate once; the counts and the labels' meaning are complete after that."""

    def __init__(self, path: Path, columns: Columns, times: TimeReader) -> None:
        """Look at the head of the file.

        Raises:
            Misuse: it cannot be read, or has no such column.
        """
        self._path = path
        self._times = times
        try:
            self._layout = layout_of(path)
        except (OSError, EOFError, csv.Error) as error:
            raise Misuse(f"cannot read {path}: {getattr(error, 'strerror', None) or error}.") from error
        self.columns = Columns(
            self._find(columns.text, TEXT_NAMES, "text"),
            self._find(columns.time, TIME_NAMES, "time"),
            self._find(columns.topic, (), "topic"),
            self._find(columns.author, (), "author"),
            self._find(columns.label, (), "label"),
        )
        self.labels = LabelReader()
        self.rows = 0
        self.unreadable = 0
        """Rows left out: broken lines, and rows without a time, a text or a label."""

    def _find(self, wanted: str | None, usual: tuple[str, ...], what: str) -> str | None:
        return find_column(self._path.name, self._layout.names, wanted, usual, what)

    def __iter__(self) -> Iterator[Chunk]:
        columns, layout = self.columns, self._layout
        wanted = {columns.text, columns.time, columns.topic, columns.author, columns.label} - {None}
        try:
            with warnings.catch_warnings(record=True) as broken, self._frames(sorted(map(str, wanted))) as frames:
                warnings.simplefilter("always", pd.errors.ParserWarning)
                for frame in frames:
                    yield self._chunk(frame)
        except (OSError, EOFError, pd.errors.ParserError) as error:
            raise Misuse(f"cannot read {self._path} as {layout.encoding} CSV: {error}.") from error
        lines = sum(len(re.findall(r"Skipping line", str(one.message))) for one in broken)
        self.rows += lines
        self.unreadable += lines

    def _frames(self, wanted: list[str]) -> "pd.io.parsers.TextFileReader":
        return pd.read_csv(
            self._path,
            sep=self._layout.delimiter,
            header=0 if self._layout.header else None,
            names=self._layout.names,
            usecols=wanted,
            dtype=str,
            keep_default_na=False,
            encoding=self._layout.encoding,
            encoding_errors="replace",
            on_bad_lines="warn",
            compression="gzip" if _is_gzip(self._path) else None,
            chunksize=_CHUNK_ROWS,
        )

    def _chunk(self, frame: pd.DataFrame) -> Chunk:
        columns = self.columns
        frame = frame.fillna("")
        text, at_s = frame[columns.text], self._times.read(frame[columns.time])
        known = ~np.isnan(at_s) & (text.str.strip() != "").to_numpy()
        label = None
        if columns.label is not None:
            label = self.labels.codes(frame[columns.label])
            known &= label >= 0
            label = label[known]
        self.rows += len(frame)
        self.unreadable += len(frame) - int(known.sum())
        kept = frame[known]
        topic = kept[columns.topic].str.strip().tolist() if columns.topic is not None else [ALL] * len(kept)
        author = kept[columns.author].str.strip().tolist() if columns.author is not None else None
        return Chunk(at_s[known], kept[columns.text].tolist(), topic, author, label)


def find_column(file: str, names: list[str], wanted: str | None, usual: tuple[str, ...], what: str) -> str | None:
    """The column that is `wanted`, or the first of the `usual` names; None when neither is asked for. Raises Misuse."""
    if wanted is not None:
        if wanted not in names:
            raise Misuse(f"{file} has no column {wanted!r}; its columns are {_listed(names)}.")
        return wanted
    lower = {name.casefold(): name for name in reversed(names)}
    found = next((lower[name] for name in usual if name in lower), None)
    if usual and found is None:
        raise Misuse(
            f"{file} has no column {', '.join(usual[:-1])} or {usual[-1]}: "
            f"name one with --{what}-column; its columns are {_listed(names)}."
        )
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def opened(path: Path) -> IO[bytes]:
    """The bytes of the CSV, unpacked when they are packed."""
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")  # type: ignore[return-value] # a GzipFile is one


def layout_of(path: Path) -> Layout:
    """Look at the head of a CSV file. Raises Misuse when it is empty; OSError, EOFError, csv.Error."""
    with opened(path) as file:
        head = file.read(_PROBE_BYTES)
    encoding = _encoding_of(head)
    lines = head.decode(encoding, errors="replace").splitlines()
    if not lines:
        raise Misuse(f"{path} is empty.")
    delimiter = max(",;\t", key=lines[0].count)
    names = next(csv.reader(lines[:1], delimiter=delimiter))
    if len(names) == len(_SENTIMENT140) and names[0] in {"0", "2", "4"} and names[1].isdigit():
        return Layout(list(_SENTIMENT140), False, delimiter, encoding)
    return Layout([name.strip() for name in names], True, delimiter, encoding)


def _encoding_of(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"  # what Excel writes as "Unicode text"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut in two where the probe ends.
        return "utf-8-sig" if error.start >= _PROBE_BYTES - 4 else "latin-1"
    return "utf-8-sig"
