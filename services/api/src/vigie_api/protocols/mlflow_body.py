"""The bodies of MLflow's scoring protocol, read as `mlflow models serve` reads them for a model with one column `text`.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#json-input
"""

import csv
import io
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import from_json

from vigie_api.problem import MalformedJson
from vigie_api.protocols.texts import InvalidInput

COLUMN: Final = "text"
FORMATS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
_SPLIT_KEYS: Final = frozenset({"columns", "data", "index"})


def texts_of_json(raw: bytes) -> list[Any]:
    """The values of the column `text`, in order; whether each is a sound text is for others to say.

    Other columns, `params` and keys that are no format are left aside, as MLflow does with a model that declares none.
    Raises MalformedJson or InvalidInput.
    """
    try:
        body = from_json(raw)
    except ValueError as error:
        raise MalformedJson(f"The body is not valid JSON: {error}. Send a JSON object in UTF-8.") from None
    found = [name for name in FORMATS if isinstance(body, dict) and name in body]
    if len(found) != 1:
        raise InvalidInput(f"Send a JSON object with exactly one of {', '.join(FORMATS)}.")
    if body.get("params") is not None and not isinstance(body["params"], dict):
        raise InvalidInput("params must be an object.")
    return _READERS[found[0]](body[found[0]])


def _split(frame: Any) -> list[Any]:
    if not isinstance(frame, dict) or not {"columns", "data"} <= frame.keys() <= _SPLIT_KEYS:
        raise InvalidInput("dataframe_split must be an object with columns and data, and perhaps index.")
    columns, rows, index = frame["columns"], frame["data"], frame.get("index")
    if not isinstance(columns, list) or columns.count(COLUMN) != 1:
        raise InvalidInput(f"dataframe_split.columns must be a list that names {COLUMN!r} once.")
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise InvalidInput("dataframe_split.data must be a list of rows, each as long as columns.")
    if index is not None and not (isinstance(index, list) and len(index) == len(rows)):
        raise InvalidInput("dataframe_split.index must be as long as data.")
    place = columns.index(COLUMN)
    return [row[place] for row in rows]


def _records(rows: Any, name: str = "dataframe_records") -> list[Any]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) and COLUMN in row for row in rows):
        raise InvalidInput(f"{name} must be a list of objects, each with {COLUMN!r}.")
    return [row[COLUMN] for row in rows]


def _instances(rows: Any) -> list[Any]:
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        return _records(rows, "instances")
    return _column(rows, "instances")


def _inputs(columns: Any) -> list[Any]:
    if isinstance(columns, list) and columns and isinstance(columns[0], dict):
        return _records(columns, "inputs")
    return _column(columns, "inputs")


def _column(values: Any, name: str) -> list[Any]:
    """A list of texts, or an object with one, or with one text, under `text`."""
    if isinstance(values, dict):
        if COLUMN not in values:
            raise InvalidInput(f"{name} must have {COLUMN!r}.")
        values = values[COLUMN]
        if isinstance(values, str):
            values = [values]
    if not isinstance(values, list):
        raise InvalidInput(f"{name} must be a list of texts, a list of objects, or an object with the list {COLUMN!r}.")
    return values


_READERS: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}


def texts_of_csv(raw: bytes) -> list[Any]:
    """The column `text` of a CSV with a header, in order. Raises InvalidInput."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("The CSV must be in UTF-8.") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    texts = []
    try:
        header = next(rows, [])
        if header.count(COLUMN) != 1:
            raise InvalidInput(f"The first line of the CSV must name the column {COLUMN!r} once.")
        place = header.index(COLUMN)
        for row in rows:
            if not row:
                continue  # an empty line, as pandas leaves it out
            if len(row) != len(header):
                raise InvalidInput(f"Line {rows.line_num} of the CSV has {len(row)} cells, its header {len(header)}.")
            texts.append(row[place])
    except csv.Error as error:
        raise InvalidInput(f"Line {rows.line_num} of the CSV cannot be read: {error}.") from None
    return texts
