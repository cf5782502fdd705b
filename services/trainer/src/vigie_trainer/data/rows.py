"""A set of labelled posts, what was set aside on the way, and the digests that name them."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vigie_model.cleaning import unescape

# Reasons for which a row is set aside, in the words of a report.
REASONS = {
    "neutral": "neutral label",
    "wrong_field_count": "wrong number of fields",
    "broken_quotes": "broken quotes",
    "unknown_label": "unknown label",
    "empty_text": "empty text",
    "too_long": "text over the length limit",
    "nul_character": "NUL character",
    "invalid_utf8": "bytes that are not UTF-8",
}


@dataclass
class SetAside:
    """Rows that were not used: reason -> line numbers, in file order."""

    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, reason: str, line: int) -> None:
        """Note that the row that starts at this line is not used."""
        self.lines.setdefault(reason, []).append(line)

    @property
    def counts(self) -> dict[str, int]:
        """Reason -> number of rows."""
        return {reason: len(lines) for reason, lines in self.lines.items()}

    @property
    def bad(self) -> dict[str, list[int]]:
        """The rows that are faulty; a neutral row is not."""
        return {reason: lines for reason, lines in self.lines.items() if reason != "neutral"}

    @property
    def total(self) -> int:
        """Number of rows set aside."""
        return sum(len(lines) for lines in self.lines.values())


@dataclass
class Posts:
    """Posts in file order.

    Attributes:
        name: of the dataset, for people.
        texts: as written in the file.
        labels: 0 negative, 1 positive; empty when the file was read for its texts alone.
        lines: first line of each row.
        set_aside: the rows that are not in texts.
        columns: other columns of the same rows, as text (ids are never numbers).
    """

    name: str
    texts: list[str]
    labels: list[int]
    lines: list[int]
    set_aside: SetAside
    columns: dict[str, list[str]] = field(default_factory=dict)
    synthetic: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the rows."""
        return rows_digest(self.texts, self.labels)


def rows_digest(texts: Iterable[str], labels: Iterable[int]) -> str:
    """SHA-256 of labelled rows in order: one JSON list `[label,"text"]` a line, UTF-8."""
    digest = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        digest.update(json.dumps([int(label), text], ensure_ascii=False, separators=(",", ":")).encode())
        digest.update(b"\n")
    return f"sha256:{digest.hexdigest()}"


def text_key(text: str) -> str:
    """The form in which two posts count as the same text: HTML entities, case, accents and spaces do not matter."""
    unescaped = unicodedata.normalize("NFKD", unescape(text).casefold())
    return " ".join("".join(character for character in unescaped if not unicodedata.combining(character)).split())


def text_hashes(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The first 64 bits of the SHA-256 of each text's key, in order, shape (n,).

    Enough to know whether a model was trained on a text, without keeping the text.
    """
    hashes = (hashlib.sha256(text_key(text).encode()).digest()[:8] for text in texts)
    return np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.uint64)
