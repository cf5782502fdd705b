"""Tells judged rows as NDJSON, one line a row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from vigie_model.bulk.cutting import Chunk
from vigie_model.bulk.judging import Judge, Row, judge_rows, read_rows
from vigie_model.bulk.layout import ID_NAME, Layout
from vigie_model.model import Prediction


class Told(NamedTuple):
    """The answer to a chunk: its lines, and how many of its rows are of each kind."""

    lines: bytes
    positive: int
    negative: int
    refused: int


def score_chunk(model: Judge, layout: Layout, chunk: Chunk) -> Told:
    """Read, judge and tell one chunk."""
    rows = read_rows(layout, chunk)
    return tell(layout, chunk.first_row, rows, judge_rows(model, rows))


def tell(layout: Layout, first_row: int, rows: Sequence[Row], said: Sequence[Prediction | str]) -> Told:
    """The answer of judged rows."""
    refused = sum(isinstance(one, str) for one in said)
    positive = sum(one[0] == "positive" for one in said)
    return Told(as_lines(layout, first_row, rows, said), positive, len(said) - refused - positive, refused)


def as_lines(layout: Layout, first_row: int, rows: Sequence[Row], said: Sequence[Prediction | str]) -> bytes:
    """One JSON object a row: `row`, what is kept of it, and the verdict or the `error`."""
    keys = [f", {_json(name)}: " for name in layout.kept]
    absent_id = layout.kind == "ndjson" and ID_NAME in layout.kept
    out: list[str] = []
    for number, (row, one) in enumerate(zip(rows, said, strict=True), first_row):
        kept = "".join(
            [
                key + _json(value)
                for key, name, value in zip(keys, layout.kept, row.kept, strict=True)
                if value is not None or not (absent_id and name == ID_NAME)
            ]
        )
        if isinstance(one, str):
            out.append(f'{{"row": {number}{kept}, "error": {_json(one)}}}\n')
            continue
        sentiment, score, confidence, uncertain, language = one
        out.append(
            f'{{"row": {number}{kept}, "sentiment": "{sentiment}", "score": {score!r}, "confidence": {confidence!r}, '
            f'"uncertain": {"true" if uncertain else "false"}, "language": "{language}"}}\n'
        )
    # A lone surrogate, which JSON may escape and UTF-8 cannot tell, becomes a question mark.
    return "".join(out).encode("utf-8", "replace")


def _json(value: Any) -> str:
    # Ids are numbers or strings; json.dumps takes three times as long for those.
    if type(value) is int:
        return str(value)
    return encode_basestring(value) if type(value) is str else json.dumps(value, ensure_ascii=False)
