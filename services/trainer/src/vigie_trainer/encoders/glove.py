"""Word vectors of a GloVe text file: a word and its numbers a line, the most frequent word first; `.gz` too.

Pennington, Socher and Manning (2014), "GloVe: Global Vectors for Word Representation".
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.fit.errors import FitError

ADDRESS = "https://nlp.stanford.edu/data/glove.6B.zip"

Vectors = tuple[list[str], NDArray[np.float32]]
"""Words, without duplicates, and one row for each."""


def read_glove(path: Path | None, *, most: int, wanted: frozenset[str]) -> Vectors:
    """The file's first `most` words, and those of `wanted` wherever they stand, with their vectors.

    Raises FitError, which says how to get one, when there is no file, and when it is not of that format.
    """
    if path is None or not path.is_file():
        missing = "No GloVe file is named" if path is None else f"There is no GloVe file at {path}"
        raise FitError(
            f"{missing}. Download {ADDRESS} (862 MB; or Twitter's, glove.twitter.27B.zip), unpack it, and put "
            "glove.6B.100d.txt into the data folder, or set VIGIE_TRAINER_GLOVE to its path."
        )
    words: dict[str, None] = {}
    rows: list[NDArray[np.float32]] = []
    width = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file):
                word, numbers = _split(line)
                if number == 0 and b" " not in numbers:  # word2vec's text format starts with a line of two counts
                    continue
                if len(words) >= most and word not in wanted:
                    continue
                row = np.array(numbers.split(b" "), dtype=np.float32)
                width = width or len(row)
                if len(row) == width and np.isfinite(row).all() and word not in words:
                    words[word] = None
                    rows.append(row)
                elif len(row) != width:
                    raise FitError(f"Line {number + 1} of {path} has {len(row)} numbers, the first has {width}.")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if isinstance(error, FitError):
            raise
        raise FitError(f"{path} is not a GloVe text file: each line is a word and its numbers.") from error
    if not rows:
        raise FitError(f"{path} holds no word vector.")
    return list(words), np.stack(rows)


def _split(line: bytes) -> tuple[str, bytes]:
    word, _, numbers = line.rstrip().partition(b" ")
    return word.decode("utf-8", "replace"), numbers


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        if raw.read(2) == b"\x1f\x8b":
            raw.seek(0)
            with gzip.open(raw) as unpacked:
                yield unpacked  # type: ignore[misc] # GzipFile reads lines as BinaryIO does
        else:
            raw.seek(0)
            yield raw
