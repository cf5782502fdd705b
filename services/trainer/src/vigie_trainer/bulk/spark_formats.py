"""Which format a file of the input has, by its name."""

from enum import StrEnum

from vigie_trainer.errors import Misuse


class Format(StrEnum):
    """A format that the engine reads."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


_ENDINGS = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".ndjson": Format.NDJSON,
    ".jsonl": Format.NDJSON,
    ".json": Format.NDJSON,
    ".parquet": Format.PARQUET,
}
_COMPRESSED = (".gz", ".bz2")


def format_of(path: str) -> Format:
    """The format of a file.

    Raises:
        Misuse: none that the engine reads.
    """
    name = path.rpartition("/")[2].lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    for ending, format_ in _ENDINGS.items():
        if name.endswith(ending):
            return format_
    raise Misuse(f"{path} is neither CSV, NDJSON nor Parquet, by its name: name the files with a pattern, posts/*.csv.")


def expansion(path: str) -> int:
    """How many times larger the rows of a file are than the file, about."""
    return 3 if path.lower().endswith(_COMPRESSED) or format_of(path) is Format.PARQUET else 1
