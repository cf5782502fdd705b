"""Reading labelled posts: Sentiment140's own file, or any CSV / CSV.gz with a header."""

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vigie_model.bulk.csv_records import Record, read_records
from vigie_trainer.data.labels import NEUTRAL, choose_scheme, normalised
from vigie_trainer.data.rows import REASONS, Posts, SetAside
from vigie_trainer.errors import Misuse

TEXT_COLUMNS = ("text", "comment", "tweet")
LABEL_COLUMNS = ("target", "polarity", "label", "sentiment")
SENTIMENT140_COLUMNS = ("target", "id", "date", "flag", "user", "text")
DELIMITERS = (",", ";", "\t")
MAX_TEXT_CHARACTERS = 10_000
_SNIFF_BYTES = 256 * 1024


@dataclass(frozen=True)
class ReadOptions:
    """What the person says about a file.

    Attributes:
        text_column, label_column: names of the columns; None means the first known name.
        labels: the text of --labels.
        keep: other columns to keep when they are there.
    """

    text_column: str | None = None
    label_column: str | None = None
    labels: str | None = None
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Layout:
    header: list[str]
    encoding: str
    delimiter: str
    first_line: int


Progress = Callable[[float], None]


def read_labelled(path: Path, options: ReadOptions = ReadOptions(), *, progress: Progress | None = None) -> Posts:
    """Read the posts of a file with their labels.

    Rows that cannot be used are set aside with their line numbers, neutral ones too.

    Raises:
        Misuse: no such file, not a CSV, no text or label column, labels of unclear meaning, or no usable row.
    """
    return _read(path, options, labelled=True, progress=progress)


def read_texts(path: Path, options: ReadOptions = ReadOptions()) -> Posts:
    """Read the posts of a file, whatever their labels: a CSV, or a .txt file with one post a line.

    Raises:
        Misuse: as read_labelled, labels apart.
    """
    return _read(path, options, labelled=False, progress=None)


def _read(path: Path, options: ReadOptions, *, labelled: bool, progress: Progress | None) -> Posts:
    with _opened(path) as stream:
        head = stream.read(_SNIFF_BYTES)
        stream.seek(0)
        if not labelled and path.name.removesuffix(".gz").endswith(".txt"):
            layout = _Layout(["text"], "utf-8-sig", "\n", 1)
        else:
            layout = _layout(head, options, labelled=labelled, path=path)
        text_at = _column(layout.header, options.text_column, TEXT_COLUMNS, "text", path)
        label_at = _column(layout.header, options.label_column, LABEL_COLUMNS, "label", path) if labelled else None
        kept = {name: layout.header.index(name) for name in options.keep if name in layout.header}
        lines = io.TextIOWrapper(stream, encoding=layout.encoding, errors="surrogateescape", newline="")
        posts = Posts(path.name, [], [], [], SetAside(), {name: [] for name in kept})
        raw_labels: list[str] = []
        for record in _counted(_records(lines, layout), path, progress):
            if record.line < layout.first_line:
                continue
            reason = _fault(record, layout, text_at)
            if reason or record.fields is None:
                posts.set_aside.add(reason or "broken_quotes", record.line)
                continue
            posts.texts.append(record.fields[text_at])
            posts.lines.append(record.line)
            if label_at is not None:
                raw_labels.append(normalised(record.fields[label_at]))
            for name, at in kept.items():
                posts.columns[name].append(record.fields[at])
    if labelled:
        posts = _with_labels(posts, raw_labels, options)
    if not posts.texts:
        raise Misuse(f"{path} has no usable row{_summary(posts.set_aside)}.")
    return posts


def _records(lines: io.TextIOWrapper, layout: _Layout) -> Iterator[Record]:
    if layout.delimiter == "\n":  # plain text: every line is a post, quotes are just quotes
        return (Record(number, [line.rstrip("\r\n")]) for number, line in enumerate(lines, 1) if line.strip())
    return read_records(lines, layout.delimiter)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file or its decompressed content; a broken archive is the person's to mend."""
    if path.is_dir():
        raise Misuse(f"{path} is a folder, not a CSV file.")
    if path.exists() and not path.is_file():  # it is read more than once
        raise Misuse(f"{path} is a pipe or a device; write its content to a file and give that.")
    try:
        with path.open("rb") as probe:
            magic = probe.read(4)
    except FileNotFoundError:
        raise Misuse(f"there is no file {path}.") from None
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror or error}.") from None
    if magic.startswith(b"PK\x03\x04"):
        raise Misuse(f"{path} is a ZIP archive or a spreadsheet; give a CSV or CSV.gz file.")
    if magic[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Misuse(f"{path} is in UTF-16; save it as UTF-8.")
    try:
        if magic.startswith(b"\x1f\x8b"):
            with gzip.open(path, "rb") as stream:
                yield io.BufferedReader(stream)
        else:
            with path.open("rb") as stream:
                yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Misuse(f"{path} is a damaged gzip file (cut short or altered).") from None


def _layout(head: bytes, options: ReadOptions, *, labelled: bool, path: Path) -> _Layout:
    """Header, encoding and delimiter of a file, from its first bytes."""
    sniffed = head.decode("latin-1").removeprefix("\u00ef\u00bb\u00bf")
    first: list[str] = []
    for delimiter in DELIMITERS:
        records = read_records(io.StringIO(sniffed, newline=""), delimiter)
        record = next((record for record in records if record.fields), None)
        if record is None or record.fields is None:
            continue
        if delimiter == "," and _is_sentiment140(record.fields):
            return _Layout(list(SENTIMENT140_COLUMNS), "latin-1", ",", record.line)
        header = [_utf8(name).strip() for name in record.fields]
        wanted = [(options.text_column, TEXT_COLUMNS)] + [(options.label_column, LABEL_COLUMNS)] * labelled
        if all(_find(header, option, known) is not None for option, known in wanted):
            return _Layout(header, "utf-8-sig", delimiter, record.line + 1)
        first = first or header
    if not first:
        raise Misuse(f"{path} is empty: a CSV file with a header row is needed.")
    return _Layout(first, "utf-8-sig", ",", 2)


def _is_sentiment140(fields: Sequence[str]) -> bool:
    return len(fields) == len(SENTIMENT140_COLUMNS) and fields[0] in ("0", "2", "4") and fields[1].isdigit()


def _utf8(name: str) -> str:
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def _find(header: Sequence[str], option: str | None, known: Sequence[str]) -> int | None:
    folded = [name.casefold() for name in header]
    names = known if option is None else (option.casefold(),)
    return next((folded.index(name) for name in names if name in folded), None)


def _column(header: Sequence[str], option: str | None, known: Sequence[str], what: str, path: Path) -> int:
    at = _find(header, option, known)
    if at is not None:
        return at
    there = ", ".join(repr(name[:30]) for name in header[:10])
    asked = f"no column {option!r}" if option else f"no {what} column ({', '.join(known)})"
    raise Misuse(f"{path} has {asked}; it has {there}. Name it with --{what}-column.")


def _fault(record: Record, layout: _Layout, text_at: int) -> str | None:
    """Why a record cannot be used, its label apart."""
    if record.fields is None:
        return "broken_quotes"
    if len(record.fields) != len(layout.header):
        return "wrong_field_count"
    text = record.fields[text_at]
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # what surrogateescape made of bytes that are not UTF-8
            return "invalid_utf8"
    if "\0" in text:
        return "nul_character"
    if not text.strip():
        return "empty_text"
    return "too_long" if len(text) > MAX_TEXT_CHARACTERS else None


def _with_labels(posts: Posts, raw_labels: Sequence[str], options: ReadOptions) -> Posts:
    """Keep the rows whose label is negative or positive."""
    try:
        scheme = choose_scheme(Counter(raw_labels), options.labels)
    except Misuse as error:
        raise Misuse(f"{posts.name}: {error}" if options.labels is None else str(error)) from None
    meanings = [scheme.get(raw) for raw in raw_labels]
    used = [at for at, meaning in enumerate(meanings) if meaning is not None and meaning != NEUTRAL]
    for line, meaning in zip(posts.lines, meanings, strict=True):
        if meaning is None:
            posts.set_aside.add("unknown_label", line)
        elif meaning == NEUTRAL:
            posts.set_aside.add("neutral", line)
    return Posts(
        posts.name,
        [posts.texts[at] for at in used],
        [meanings[at] or 0 for at in used],
        [posts.lines[at] for at in used],
        posts.set_aside,
        {name: [values[at] for at in used] for name, values in posts.columns.items()},
    )


def _counted(records: Iterator[Record], path: Path, progress: Progress | None) -> Iterator[Record]:
    """Report every ten thousand records, as a share of a file whose rows take about 130 bytes."""
    expected = max(1.0, path.stat().st_size / 130 * (3 if path.suffix == ".gz" else 1))
    for number, record in enumerate(records):
        if progress and number % 10_000 == 0:
            progress(min(0.99, number / expected))
        yield record


def _summary(set_aside: SetAside) -> str:
    counts = ", ".join(f"{count} with {REASONS.get(reason, reason)}" for reason, count in set_aside.counts.items())
    return f" (set aside: {counts})" if counts else ""
