"""What every recipe of a command is trained on, calibrated on and tested on."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.data.rows import Posts, rows_digest, text_key
from vigie_trainer.data.source import DataSource
from vigie_trainer.data.splitting import Side, Split

FRENCH = "fr"
_FEWEST_PER_CLASS = 10  # a calibration has two numbers; on less than this they would be noise


@dataclass(frozen=True)
class LanguageRows:
    """Labelled rows of one language that calibrate a finished model, and train nothing.

    Attributes:
        sources: [{name, rows, synthetic}], where they come from.
    """

    texts: list[str]
    labels: NDArray[np.int64]
    sources: list[dict[str, Any]]

    @property
    def digest(self) -> str:
        """SHA-256 of the rows in order."""
        return rows_digest(self.texts, self.labels.tolist())

    @property
    def weights(self) -> NDArray[np.float64]:
        """A weight a row, 1 in the mean: every source weighs the same, so that many written sentences do not drown
        a few real ones."""
        rows = [source["rows"] for source in self.sources]
        return np.concatenate([np.full(count, len(self.texts) / len(rows) / count) for count in rows])


@dataclass(frozen=True)
class Corrected:
    """What people corrected, on the train side of a material.

    Attributes:
        rows: the last ones of the train side.
        weight: of each of them, against 1 of any other row.
        held_out: the newest corrections, kept out of training to see whether the model got better at them.
        digest: SHA-256 of the rows learned from.
        document: what --json and the reports say of the corrections.
        conflicts: the first texts that people labelled both ways.
        parent: number of the version that is retrained.
    """

    rows: int
    weight: float
    held_out: Side
    digest: str
    document: dict[str, Any]
    conflicts: list[dict[str, Any]]
    parent: str | None


@dataclass(frozen=True)
class Material:
    """The rows of a command.

    Attributes:
        calibration: by language code.
        protocol: 16k or full; None for rows that no protocol fixes.
        manual_test: another test set, scored once a recipe as a report; nothing is chosen by it.
        french: rows whose figure is reported, though they calibrate.
        folder: of the data, where word vectors may lie.
        source: what to read again to have these rows; None when nobody said.
        corrected: corrections that joined the train side.
    """

    posts: Posts
    extra: Sequence[Posts]
    split: Split
    rows_before_sampling: int
    calibration: Mapping[str, LanguageRows] = field(default_factory=dict)
    protocol: str | None = None
    manual_test: Posts | None = None
    french: Posts | None = None
    folder: Path | None = None
    source: DataSource | None = None
    corrected: Corrected | None = None

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """A weight for each row of the train side; None when all weigh the same."""
        if self.corrected is None or self.corrected.weight == 1.0:
            return None
        weights = np.ones(len(self.split.train.texts))
        weights[len(weights) - self.corrected.rows :] = self.corrected.weight
        return weights

    @property
    def synthetic(self) -> bool:
        """Whether any row to train on was written for this project rather than by a customer."""
        return self.posts.synthetic or any(one.synthetic for one in self.extra)

    @property
    def learn_languages(self) -> bool:
        """Whether calibration rows may also be learned from: the protocol 16k, comparable to others, forbids it."""
        return self.protocol == "full"

    @property
    def primary_rows(self) -> int:
        """How many rows of the train side, the first ones, are of the main dataset."""
        return len(self.split.train.texts) - self.split.extra_used

    @property
    def calibration_digest(self) -> str:
        """SHA-256 of the calibration rows of all languages; `none` without any."""
        if not self.calibration:
            return "none"
        digests = {language: rows.digest for language, rows in sorted(self.calibration.items())}
        return "sha256:" + hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def language_rows(
    posts: Sequence[Posts], split: Split, language_of: Callable[[str, Posts], str]
) -> tuple[dict[str, LanguageRows], dict[str, int]]:
    """Gather calibration rows by language; those whose text is held out or trained on are left out.

    Args:
        language_of: the language code of a text of a dataset, `und` when it is unknown.

    Returns:
        The rows of each language that has ten or more of each class, and the number of usable rows of the others.
    """
    taken = {text_key(text) for side in (split.train, split.test) for text in side.texts}
    texts: dict[str, list[str]] = {}
    labels: dict[str, list[int]] = {}
    counts: dict[str, dict[str, int]] = {}
    for one in posts:
        for text, label in zip(one.texts, one.labels, strict=True):
            if (key := text_key(text)) in taken:
                continue
            taken.add(key)
            language = language_of(text, one)
            texts.setdefault(language, []).append(text)
            labels.setdefault(language, []).append(label)
            counts.setdefault(language, {})[one.name] = counts.get(language, {}).get(one.name, 0) + 1
    synthetic = {one.name: one.synthetic for one in posts}
    usable: dict[str, LanguageRows] = {}
    left: dict[str, int] = {}
    for language, ours in texts.items():
        of_language = np.asarray(labels[language], dtype=np.int64)
        fewest = int(np.bincount(of_language, minlength=2).min())
        if language == "und" or fewest < _FEWEST_PER_CLASS:
            left[language] = len(ours)
            continue
        sources = [
            {"name": name, "rows": rows, "synthetic": synthetic[name]} for name, rows in counts[language].items()
        ]
        usable[language] = LanguageRows(ours, of_language, sources)
    return usable, left
