"""Reads the rows of a chunk and judges their texts. One bad row costs that row alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from vigie_model.bulk.csv_records import Record, read_records
from vigie_model.bulk.cutting import Chunk
from vigie_model.bulk.layout import ID_NAME, TEXT_NAMES, Layout
from vigie_model.model import Prediction

_NOT_UTF8: Final = "it has bytes that are not UTF-8"
_MODEL_FAILS: Final = "the model fails on this text"
_DEEPEST_KEPT: Final = 100
"""What Python reads at the limit of its stack it may not be able to write again."""


REMEMBERED_PIECES: Final = 262_144
"""What a process that judges streams remembers, about 80 MB: rare words come again, hours later."""


class Judge(Protocol):
    """What judges; `vigie_model.Model` does."""

    def predict(self, texts: Sequence[str]) -> Sequence[Any]:
        """One verdict a text, with the fields of `Prediction`."""
        ...


class Row(NamedTuple):
    """One row as it was sent.

    Attributes:
        text: to be judged; "" when there is a fault.
        fault: why it cannot be judged, else None.
        kept: one value for each of the layout's kept columns; None for what the row does not have.
    """

    text: str
    fault: str | None
    kept: tuple[Any, ...]


def fault_of(text: object, max_chars: int) -> str | None:
    """Why this cannot be judged; None when it can."""
    if not isinstance(text, str):
        return "there is no text" if text is None else "the text is no string"
    if not text or text.isspace():
        return "the text is empty"
    if len(text) > max_chars:
        return f"the text has {len(text):,} characters; the limit is {max_chars:,}"
    if "\0" in text:
        return "the text has a NUL character"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return _NOT_UTF8
    return None


def read_rows(layout: Layout, chunk: Chunk) -> list[Row]:
    """The rows of a chunk, in order; as many as it counts."""
    if chunk.fault is not None:
        return [Row("", chunk.fault, (None,) * len(layout.kept))]
    rows = list(_csv_rows(layout, chunk.data) if layout.kind == "csv" else _ndjson_rows(layout, chunk.data))
    if len(rows) != chunk.rows:
        raise AssertionError(f"a chunk of {chunk.rows} records reads as {len(rows)}")
    return rows


def judge_rows(model: Judge, rows: Sequence[Row]) -> list[Prediction | str]:
    """For each row its verdict, or why it has none."""
    texts = [row.text for row in rows if row.fault is None]
    verdicts = iter(_verdicts(model, texts))
    return [next(verdicts) if row.fault is None else row.fault for row in rows]


def _verdicts(model: Judge, texts: list[str]) -> list[Prediction | str]:
    """All at once; one by one when the model fails on one of them."""
    if not texts:
        return []
    try:
        found = [Prediction(*verdict) for verdict in model.predict(texts)]
    except Exception:
        if len(texts) == 1:
            return [_MODEL_FAILS]
        return [verdict for text in texts for verdict in _verdicts(model, [text])]
    return [one if 0.0 <= one.score <= 1.0 else _MODEL_FAILS for one in found]  # NaN is neither


def _csv_rows(layout: Layout, data: bytes) -> Iterator[Row]:
    try:
        text = data.decode(layout.encoding)
    except UnicodeDecodeError:
        text = data.decode(layout.encoding, "surrogateescape")
    columns, text_at, kept_at, max_chars = len(layout.names), layout.text_at, layout.kept_at, layout.max_chars
    nothing = (None,) * len(kept_at)
    for fields in _records(text, layout.delimiter):
        if fields is None:
            yield Row("", "its quotes make no sense", nothing)
        elif len(fields) != columns:
            yield Row("", f"it has {len(fields)} fields where the header has {columns}", nothing)
        else:
            found = fields[text_at]
            fault = fault_of(found, max_chars)
            yield Row("" if fault else found, fault, tuple([_clean(fields[at]) for at in kept_at]))


def _records(text: str, delimiter: str) -> Iterator[list[str] | None]:
    if '"' not in text and "\r" not in text:
        return (line.split(delimiter) for line in text.split("\n") if line)
    lines = text.split("\n")
    last = lines.pop()
    physical = [line + "\n" for line in lines]
    if last:
        physical.append(last)
    records: Iterator[Record] = read_records(physical, delimiter)
    return (record.fields for record in records)


def _clean(value: str) -> str:
    """A kept value as UTF-8 can tell it."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _ndjson_rows(layout: Layout, data: bytes) -> Iterator[Row]:
    names = TEXT_NAMES if layout.text is None else (layout.text,)
    kept, max_chars = layout.kept, layout.max_chars
    nothing = (None,) * len(kept)
    only_id = kept == (ID_NAME,)
    for line in data.split(b"\n"):
        if not line or line.isspace():
            continue
        try:
            found = _decode(line.decode())
        except UnicodeDecodeError:
            yield Row("", _NOT_UTF8, nothing)
            continue
        except (ValueError, RecursionError):
            yield Row("", "it is no JSON", nothing)
            continue
        if not isinstance(found, dict):
            yield Row("", "it is no JSON object", nothing)
            continue
        text = next((found[name] for name in names if name in found), None)
        fault = fault_of(text, max_chars)
        values = (found.get(ID_NAME),) if only_id else tuple([found.get(name) for name in kept])
        for value in values:
            if not isinstance(value, str) and _is_deeper(value, _DEEPEST_KEPT):
                fault, values = "a value to keep is nested too deeply", nothing
        yield Row("" if fault else str(text), fault, values)


def _is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects are nested in each other by more than so many levels."""
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (not levels or any(_is_deeper(inner, levels - 1) for inner in value))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError("a number beyond what JSON's readers hold")
    return value


_decode = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite).decode
"""As json.loads, but NaN and Infinity, which JSON does not have, are refused; 1e999 would be told as one."""
