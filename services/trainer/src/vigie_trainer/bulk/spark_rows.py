"""What runs in the cluster's Python workers: bytes to chunks, chunks and rows to verdicts, a batch at a time.

The very code of the local engine (`vigie_model.bulk`), fed by Spark. A worker keeps the model from task to task
(spark.python.worker.reuse), so each loads it once.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

import vigie_model
from vigie_model import Model, Prediction
from vigie_model.bulk.cutting import Chunk, Cutter
from vigie_model.bulk.judging import REMEMBERED_PIECES, Row, fault_of, judge_rows, read_rows
from vigie_model.bulk.layout import Kind, Layout, Unreadable, Wanted
from vigie_trainer.bulk.job import ERROR_COLUMN, VERDICT_COLUMNS
from vigie_trainer.errors import Misuse

FILE, ROW, TEXT = "file", "row", "vigie_text"
"""Columns: address of the file of a row, its number in the file (from 1), its text."""
LINES_SCHEMA = "file string, value binary"
CHUNKS_SCHEMA = "file string, layout string, first_row long, rows long, data binary, fault string"
_CHUNKS = pa.schema(
    [
        ("file", pa.string()),
        ("layout", pa.string()),
        ("first_row", pa.int64()),
        ("rows", pa.int64()),
        ("data", pa.binary()),
        ("fault", pa.string()),
    ]
)
_BLOCK_BYTES = 128 * 1024
_JUDGED_AT_ONCE = 1_000
_models: dict[str, Model] = {}


@dataclass(frozen=True)
class Shipped:
    """The model as it reaches a worker: the name under which Spark ships its folder, and its digest."""

    name: str
    digest: str

    def model(self) -> Model:
        """The model, loaded once in each process.

        Raises:
            ArtifactError: it is damaged, or not the one that the job names.
        """
        model = _models.get(self.digest)
        if model is None:
            from pyspark import SparkFiles

            model = vigie_model.load(Path(SparkFiles.get(self.name)), threads=1)
            if model.digest != self.digest:
                raise vigie_model.ArtifactError(f"The artifact here is {model.digest}, the job's is {self.digest}.")
            model.remember(REMEMBERED_PIECES)
            _models.clear()
            _models[self.digest] = model
        return model


@dataclass(frozen=True)
class CutLines:
    """Cuts the lines of whole files into chunks of whole records: rows of LINES_SCHEMA to rows of CHUNKS_SCHEMA.

    Lines of one file come together and in order.
    """

    kind: Kind
    wanted: Wanted

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The chunks of every file.

        Raises:
            Misuse: a file has no header, or not the columns that are wanted.
        """
        name, cutter, pending = "", None, b""
        for batch in batches:
            for file, lines in _files_in(batch):
                if cutter is None or file != name:
                    if cutter is not None:
                        yield from self._chunks(name, cutter, pending, last=True)
                    name, cutter, pending = file, Cutter(self.kind, self.wanted), b""
                pending += b"\n".join([*lines, b""])
                if len(pending) >= _BLOCK_BYTES:
                    yield from self._chunks(name, cutter, pending, last=False)
                    pending = b""
        if cutter is not None:
            yield from self._chunks(name, cutter, pending, last=True)

    def _chunks(self, name: str, cutter: Cutter, data: bytes, *, last: bool) -> Iterator[pa.RecordBatch]:
        try:
            chunks = [
                chunk
                for start in range(0, len(data), _BLOCK_BYTES)
                for chunk in cutter.feed(data[start : start + _BLOCK_BYTES])
            ]
            if last:
                chunks += cutter.finish()
        except Unreadable as error:
            raise Misuse(f"{name}: {str(error)[:1].lower()}{str(error)[1:]}") from None
        if chunks and cutter.layout is not None:
            layout = json.dumps(asdict(cutter.layout))
            columns = [
                [name] * len(chunks),
                [layout] * len(chunks),
                *map(list, zip(*(chunk[:2] for chunk in chunks), strict=True)),
                [chunk.data for chunk in chunks],
                [chunk.fault for chunk in chunks],
            ]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, _CHUNKS, strict=True)]
            yield pa.record_batch(arrays, schema=_CHUNKS)


@dataclass(frozen=True)
class JudgeChunks:
    """Rows of CHUNKS_SCHEMA to rows of the output."""

    shipped: Shipped
    kept: tuple[str, ...]

    def __call__(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The output's rows, chunk by chunk."""
        from vigie_trainer.bulk.reading import plain

        for frame in frames:
            files: list[str] = []
            numbers: list[int] = []
            kept: list[tuple[Any, ...]] = []
            said: list[Prediction | str] = []
            for file, layout_text, first_row, count, data, fault in frame.itertuples(index=False, name=None):
                layout = _layout(layout_text)
                chunk = Chunk(int(first_row), int(count), bytes(data), fault if isinstance(fault, str) else None)
                rows = read_rows(layout, chunk)
                said += judge_rows(self.shipped.model(), rows)
                files += [file] * len(rows)
                numbers += range(chunk.first_row, chunk.first_row + len(rows))
                at = [layout.kept.index(name) if name in layout.kept else None for name in self.kept]
                kept += [tuple(None if one is None else plain(row.kept[one]) for one in at) for row in rows]
            columns = zip(*kept, strict=True) if kept else ((),) * len(self.kept)
            yield _output(files, numbers, dict(zip(self.kept, columns, strict=True)), said)


@dataclass(frozen=True)
class JudgeRows:
    """Rows with the columns FILE, ROW, TEXT and those that are kept to rows of the output."""

    shipped: Shipped
    kept: tuple[str, ...]
    max_chars: int

    def __call__(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The output's rows, in the same order."""
        for frame in frames:
            rows = [self._row(text) for text in frame[TEXT].tolist()]
            said: list[Prediction | str] = []
            for start in range(0, len(rows), _JUDGED_AT_ONCE):
                said += judge_rows(self.shipped.model(), rows[start : start + _JUDGED_AT_ONCE])
            yield _output(frame[FILE], frame[ROW], {name: frame[name] for name in self.kept}, said)

    def _row(self, text: object) -> Row:
        # pandas says a missing text with a number that is none.
        fault = fault_of(text if isinstance(text, str) else None, self.max_chars)
        return Row("" if fault or not isinstance(text, str) else text, fault, ())


def output_columns(kept: Sequence[str]) -> list[tuple[str, str]]:
    """Names and Spark types of what the workers give back; kept values are text on the way."""
    types = ("string", "double", "double", "boolean", "string")  # of VERDICT_COLUMNS
    return [
        (FILE, "string"),
        (ROW, "long"),
        *((name, "string") for name in kept),
        *zip(VERDICT_COLUMNS, types, strict=True),
        (ERROR_COLUMN, "string"),
    ]


def _output(files: Any, numbers: Any, kept: dict[str, Any], said: Sequence[Prediction | str]) -> pd.DataFrame:
    nothing = (None,) * len(VERDICT_COLUMNS)
    verdicts = zip(*(nothing if isinstance(one, str) else one for one in said), strict=True) if said else ((),) * 5
    columns: dict[str, Any] = {FILE: files, ROW: numbers, **{name: _objects(values) for name, values in kept.items()}}
    columns |= {name: _objects(values) for name, values in zip(VERDICT_COLUMNS, verdicts, strict=True)}
    columns[ERROR_COLUMN] = _objects([one if isinstance(one, str) else None for one in said])
    return pd.DataFrame(columns)


def _objects(values: Any) -> "pd.Series[Any]":
    """A column whose missing values stay what they are: pandas would make numbers of them."""
    return values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)


def _files_in(batch: pa.RecordBatch) -> Iterator[tuple[str, list[bytes]]]:
    """The lines of each file in a batch."""
    files, lines = batch.column(0), batch.column(1).to_pylist()
    start = 0
    while start < len(lines):
        file = files[start].as_py()
        end = len(lines)
        if files[end - 1].as_py() != file:
            end = next(at for at in range(start, len(lines)) if files[at].as_py() != file)
        yield file, lines[start:end]
        start = end


@lru_cache(maxsize=64)
def _layout(text: str) -> Layout:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()
    }
    return Layout(**fields)
