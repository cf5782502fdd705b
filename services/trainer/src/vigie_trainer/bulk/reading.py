"""Inputs of the local engine: CSV, NDJSON and Parquet, in units that a worker reads whole."""

import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from vigie_model.bulk.cutting import Chunk, Cutter
from vigie_model.bulk.judging import Row, fault_of, read_rows
from vigie_model.bulk.layout import Kind, Layout, Unreadable, Wanted, text_column
from vigie_trainer.bulk.job import STANDARD, ScoreJob
from vigie_trainer.errors import Misuse

UNIT_ROWS = 1_000
"""Rows of a Parquet unit."""
_BLOCK_BYTES = 128 * 1024
_KINDS: dict[str, Kind] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson",
}  # fmt: skip


class Source(Protocol):
    """An opened input.

    Attributes:
        kept: names of the columns that are copied, and their Parquet types.
    """

    kept: tuple[tuple[str, pa.DataType], ...]

    @property
    def share(self) -> float | None:
        """How much of the input has been read, 0 to 1; None when nobody can know."""
        ...

    @property
    def reader(self) -> "RowReader":
        """What reads the units, in any process."""
        ...

    def units(self) -> Iterator[Chunk]:
        """Every row, in order; the same units each time the same input is opened."""
        ...


class RowReader:
    """Reads the units of one input. Plain data: it travels to the workers."""

    def __init__(self, layout: Layout | None, text: str, kept: tuple[str, ...], max_chars: int) -> None:
        self._layout, self._text, self._kept, self._max_chars = layout, text, kept, max_chars

    def __call__(self, unit: Chunk) -> list[Row]:
        """The rows of a unit, in order."""
        if self._layout is not None:
            return read_rows(self._layout, unit)
        batch = pa.ipc.open_stream(unit.data).read_next_batch()
        texts = batch.column(self._text).to_pylist()
        columns = [batch.column(name).to_pylist() for name in self._kept]
        rows = []
        for text, *kept in zip(texts, *columns, strict=True):
            fault = fault_of(text, self._max_chars)
            rows.append(Row("" if fault else text, fault, tuple(kept)))
        return rows


@contextmanager
def opened(job: ScoreJob) -> Iterator[Source]:
    """The input of a job.

    Raises:
        Misuse: it cannot be read, or has no such column; also while it is read.
    """
    try:
        wanted = Wanted(job.text_column, job.keep, job.max_text_chars)
        if job.input == STANDARD:
            yield TextSource(sys.stdin.buffer, "standard input", None, wanted, None)
            return
        path = Path(job.input)
        if path.is_dir():
            raise Misuse(f"{path} is a folder; the local engine reads one file at a time.")
        with path.open("rb") as file:
            magic = file.read(4)
            if magic == b"PAR1":
                yield ParquetSource(path, wanted)
                return
            if not file.seekable() or not path.is_file():
                raise Misuse(f"{path} is a pipe or a device; send it to standard input: --input -")
            file.seek(0)
            kind = _KINDS.get(Path(path.name.removesuffix(".gz")).suffix.lower())
            size = path.stat().st_size
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(file) as unpacked:
                    yield TextSource(
                        io.BufferedReader(unpacked), path.name, kind, wanted, lambda: file.tell() / max(size, 1)
                    )
            else:
                yield TextSource(file, path.name, kind, wanted, lambda: file.tell() / max(size, 1))
    except Unreadable as error:
        raise Misuse(f"{job.input}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    except FileNotFoundError:
        raise Misuse(f"there is no file {job.input}.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Misuse(f"{job.input} is a damaged gzip file (cut short or altered).") from None
    except pa.ArrowInvalid as error:
        raise Misuse(f"{job.input} is no sound Parquet file: {str(error).splitlines()[0]}") from None


class TextSource:
    """CSV or NDJSON. The header is read at once; without a known ending, the first character tells the kind."""

    def __init__(
        self, file: BinaryIO, name: str, kind: Kind | None, wanted: Wanted, share: Callable[[], float] | None
    ) -> None:
        self._file = file
        self._share = share
        first = file.read(_BLOCK_BYTES)
        if kind is None:
            kind = "ndjson" if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"
        self._cutter = Cutter(kind, wanted)
        self._first = self._cutter.feed(first)
        while self._cutter.layout is None and first:
            first = file.read(_BLOCK_BYTES)
            self._first += self._cutter.feed(first)
        if self._cutter.layout is None:
            self._first += self._cutter.finish()
        if self._cutter.layout is None:
            raise Unreadable(f"{name} is empty.")
        self._layout = self._cutter.layout
        self.kept = tuple((column, pa.string()) for column in self._layout.kept)

    @property
    def share(self) -> float | None:
        """How much of the file has been read."""
        return None if self._share is None else self._share()

    @property
    def reader(self) -> RowReader:
        """What reads the chunks."""
        return RowReader(self._layout, "", (), 0)

    def units(self) -> Iterator[Chunk]:
        """Chunks of about 128 kB."""
        yield from self._first
        while block := self._file.read(_BLOCK_BYTES):
            yield from self._cutter.feed(block)
        yield from self._cutter.finish()


class ParquetSource:
    """A Parquet file; kept columns keep their types."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._file = pq.ParquetFile(path)
        schema = self._file.schema_arrow
        text = text_column(schema.names, wanted.text)
        if text is None:
            asked = f"no column {wanted.text!r}" if wanted.text else "no column of texts that we know by its name"
            raise Unreadable(f"it has {asked}; it has {', '.join(schema.names[:20])}. Name it with --text-column.")
        missing = [name for name in wanted.keep if name not in schema.names]
        if missing:
            raise Unreadable(f"it has no column {missing[0]!r} to keep; it has {', '.join(schema.names[:20])}.")
        names = tuple(name for name in wanted.kept if name in schema.names)
        self.kept = tuple((name, _plain_type(schema.field(name).type)) for name in names)
        self._text, self._names, self._max_chars = text, names, wanted.max_chars
        self._read = 0

    @property
    def share(self) -> float | None:
        """How many of the rows have been read."""
        return self._read / max(int(self._file.metadata.num_rows), 1)

    @property
    def reader(self) -> RowReader:
        """What reads the batches."""
        return RowReader(None, self._text, self._names, self._max_chars)

    def units(self) -> Iterator[Chunk]:
        """Batches of 1,000 rows, as Arrow streams."""
        columns = list(dict.fromkeys((self._text, *self._names)))
        for batch in self._file.iter_batches(UNIT_ROWS, columns=columns):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            yield Chunk(self._read + 1, batch.num_rows, sink.getvalue().to_pybytes())
            self._read += batch.num_rows


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def plain(value: Any) -> str | None:
    """A kept value as text: strings as they are, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
