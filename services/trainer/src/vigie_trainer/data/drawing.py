"""Making the folder of a protocol from the whole corpus: a uniform sample, a further one, and the manual test set."""

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vigie_trainer.data.fetching import ARCHIVE, MEMBERS
from vigie_trainer.data.protocols import MANUAL_TEST, MORE, SAMPLE
from vigie_trainer.data.reading import SENTIMENT140_COLUMNS
from vigie_trainer.data.rows import text_key
from vigie_trainer.errors import Misuse, Unavailable

SAMPLE_ROWS = 16_000
_FEWEST_ROWS = 10
_NOT_DRAWN = -1
_TRAINING, _TEST = MEMBERS
_TARGET, _ID, _TEXT = (SENTIMENT140_COLUMNS.index(name) for name in ("target", "id", "text"))
_MANUAL_COLUMNS = ("polarity", "id", "date", "query", "user", "text")


@dataclass(frozen=True)
class Drawn:
    """What was written, in rows; `read` is the size of the corpus."""

    read: int
    sample: int
    more: int
    manual_test: int


def draw(source: Path, folder: Path, *, more: int, seed: int) -> Drawn:
    """Write the three files of a protocol's folder.

    The sample is uniform over all rows. The further rows are uniform, too; those with an id or a text of the sample or
    of the manual test set are left out, and so are texts that come again or with both labels.

    Args:
        source: Stanford's archive, or the folder that holds its two CSV files.
        more: how many further rows to draw before those are left out.

    Raises:
        Misuse: the source holds no Sentiment140. Unavailable: the folder cannot be written.
    """
    manual = [row for row in _rows(source, _TEST) if len(row) == len(_MANUAL_COLUMNS)]
    # Read twice, so that only the drawn rows are ever in memory.
    read = sum(1 for _ in _corpus(source))
    if read < _FEWEST_ROWS:
        raise Misuse(f"{source} holds {read} rows of Sentiment140; it is not the corpus.")
    order = np.random.default_rng(seed).permutation(read)
    size = min(SAMPLE_ROWS, read)
    place = np.full(read, _NOT_DRAWN)
    place[order[: size + more]] = np.arange(len(order[: size + more]))
    drawn = {int(place[at]): row for at, row in enumerate(_corpus(source)) if place[at] != _NOT_DRAWN}
    sampled = [drawn[at] for at in range(size)]
    further = _unseen([drawn[at] for at in range(size, len(drawn))], sampled, manual)
    columns = list(SENTIMENT140_COLUMNS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / SAMPLE, columns, [_labelled(row) for row in sampled])
        _write(folder / MORE, columns, [_labelled(row) for row in further])
        _write(folder / MANUAL_TEST, list(_MANUAL_COLUMNS), manual)
    except OSError as error:
        raise Unavailable(f"{folder} cannot be written: {error.strerror or error}.") from None
    return Drawn(read, len(sampled), len(further), len(manual))


def _unseen(drawn: list[list[str]], sample: list[list[str]], manual: list[list[str]]) -> list[list[str]]:
    """The drawn rows that nobody else has: neither by id nor by text; each text once, with one label."""
    ids = {row[_ID] for rows in (sample, manual) for row in rows}
    taken = {text_key(row[_TEXT]) for rows in (sample, manual) for row in rows}
    labels: dict[str, set[str]] = {}
    keys = [text_key(row[_TEXT]) for row in drawn]
    for key, row in zip(keys, drawn, strict=True):
        labels.setdefault(key, set()).add(row[_TARGET])
    kept = []
    for key, row in zip(keys, drawn, strict=True):
        if row[_ID] not in ids and key not in taken and len(labels[key]) == 1:
            taken.add(key)
            kept.append(row)
    return kept


def _labelled(row: list[str]) -> list[str]:
    """The row with 1 for a positive target, as the published sample has it."""
    return ["0" if row[_TARGET] == "0" else "1", *row[_TARGET + 1 :]]


def _corpus(source: Path) -> Iterator[list[str]]:
    return (row for row in _rows(source, _TRAINING) if len(row) == len(SENTIMENT140_COLUMNS))


def _rows(source: Path, member: str) -> Iterator[list[str]]:
    with _opened(source, member) as raw, io.TextIOWrapper(raw, encoding="latin-1", newline="") as lines:
        yield from csv.reader(lines)


@contextmanager
def _opened(source: Path, member: str) -> Iterator[IO[bytes]]:
    """One of the two files, from the archive or beside it.

    Raises:
        Misuse: it is not there.
    """
    archive = source / ARCHIVE if source.is_dir() else source
    try:
        if source.is_dir() and (source / member).is_file():
            with (source / member).open("rb") as raw:
                yield raw
        else:
            with zipfile.ZipFile(archive) as packed, packed.open(member) as inside:
                yield inside
    except (OSError, KeyError, zipfile.BadZipFile):
        raise Misuse(f"{source} has no {member}: fetch it with `vigie data fetch`, or name where it is.") from None


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a CSV, packed when its name says so, at once or not at all; equal rows give equal bytes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    content = out.getvalue().encode()
    fresh = path.with_name(f".{path.name}.part")
    fresh.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    fresh.replace(path)
