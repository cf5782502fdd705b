"""Outputs of the local engine. A worker makes the bytes of a unit; whoever writes them appends them in order.

What is appended is what the file will be (NDJSON, CSV), or an Arrow stream that becomes the file at the end (Parquet,
whose last page lists all others). So a file that was cut off can be shortened to its last whole unit, and goes on.
"""

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from vigie_model import Prediction
from vigie_model.bulk.judging import Row
from vigie_model.bulk.layout import Layout
from vigie_model.bulk.lines import as_lines
from vigie_trainer.bulk.job import ERROR_COLUMN, STANDARD, VERDICT_COLUMNS
from vigie_trainer.bulk.reading import plain
from vigie_trainer.errors import Misuse

Kept = tuple[tuple[str, pa.DataType], ...]
Said = Sequence[Prediction | str]


class Format(Protocol):
    """How rows are told. Plain data: it travels to the workers."""

    def head(self) -> bytes:
        """What comes before the first row."""
        ...

    def body(self, first_row: int, rows: Sequence[Row], said: Said) -> bytes:
        """The rows of a unit; `said` is a verdict or an error for each."""
        ...

    def finish(self, partial: Path, output: Path) -> None:
        """Turn what was appended into the output, at once or not at all."""
        ...


def format_for(output: str, kept: Kept) -> Format:
    """The format that the name of the output asks for.

    Raises:
        Misuse: its ending is none of those.
    """
    ending = Path(output).suffix.lower()
    if output == STANDARD or ending in (".ndjson", ".jsonl"):
        return Ndjson(kept)
    if ending == ".csv":
        return Csv(kept)
    if ending in (".parquet", ".pq"):
        return Parquet(kept)
    raise Misuse(f"the output {output} must end in .ndjson, .csv or .parquet.")


class Ndjson:
    """The lines of POST /v1/score."""

    def __init__(self, kept: Kept) -> None:
        self._layout = Layout("ndjson", None, tuple(name for name, _ in kept))

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def body(self, first_row: int, rows: Sequence[Row], said: Said) -> bytes:
        """One line a row."""
        return as_lines(self._layout, first_row, rows, said)

    def finish(self, partial: Path, output: Path) -> None:
        """Give it its name."""
        partial.replace(output)


class Csv:
    """RFC 4180 with a header, UTF-8. Kept cells are what they were: a spreadsheet may take one for a formula."""

    def __init__(self, kept: Kept) -> None:
        self._names = tuple(name for name, _ in kept)

    def head(self) -> bytes:
        """The header."""
        return _csv([("row", *self._names, *VERDICT_COLUMNS, ERROR_COLUMN)])

    def body(self, first_row: int, rows: Sequence[Row], said: Said) -> bytes:
        """One record a row."""
        nothing = ("",) * len(VERDICT_COLUMNS)
        return _csv(
            [
                (number, *map(plain, row.kept), *((*nothing, one) if isinstance(one, str) else (*_cells(one), "")))
                for number, (row, one) in enumerate(zip(rows, said, strict=True), first_row)
            ]
        )

    def finish(self, partial: Path, output: Path) -> None:
        """Give it its name."""
        partial.replace(output)


class Parquet:
    """One file, zstd; `row` int64, what is kept, the verdict and the error, null where there is none."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._schema = pa.schema(
            [
                ("row", pa.int64()),
                *kept,
                ("sentiment", pa.string()),
                ("score", pa.float64()),
                ("confidence", pa.float64()),
                ("uncertain", pa.bool_()),
                ("language", pa.string()),
                (ERROR_COLUMN, pa.string()),
            ]
        )

    def head(self) -> bytes:
        """The schema of the Arrow stream."""
        return bytes(self._schema.serialize().to_pybytes())

    def body(self, first_row: int, rows: Sequence[Row], said: Said) -> bytes:
        """One batch of the Arrow stream."""
        columns: list[Sequence[Any]] = [range(first_row, first_row + len(rows))]
        for at, (_, kind) in enumerate(self._kept):
            values = [row.kept[at] for row in rows]
            columns.append([plain(value) for value in values] if pa.types.is_string(kind) else values)
        for at in range(len(VERDICT_COLUMNS)):
            columns.append([None if isinstance(one, str) else one[at] for one in said])
        columns.append([one if isinstance(one, str) else None for one in said])
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        return bytes(pa.record_batch(arrays, schema=self._schema).serialize().to_pybytes())

    def finish(self, partial: Path, output: Path) -> None:
        """Write the Parquet file beside the output, then give it its name."""
        fresh = output.with_name(f".{output.name}.new")
        with partial.open("rb") as file, pq.ParquetWriter(fresh, self._schema, compression="zstd") as writer:
            batches: list[pa.RecordBatch] = []
            for batch in pa.ipc.open_stream(file):
                batches.append(batch)
                if sum(one.num_rows for one in batches) >= _GROUP_ROWS:
                    writer.write_table(pa.Table.from_batches(batches))
                    batches.clear()
            if batches:
                writer.write_table(pa.Table.from_batches(batches))
        _to_disk(fresh)
        fresh.replace(output)
        partial.unlink()


_GROUP_ROWS = 100_000


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _cells(verdict: Prediction) -> tuple[str, ...]:
    sentiment, score, confidence, uncertain, language = verdict
    return sentiment, repr(score), repr(confidence), json.dumps(uncertain), language


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")
