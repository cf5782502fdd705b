"""What a fit is told besides its rows: where it may keep things, and which rows stand for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.encoders.choice import EncoderChoice

LabelledTexts = tuple[Sequence[str], NDArray[np.int64]]
"""Texts, and 0 (negative) or 1 (positive) for each."""


@dataclass(frozen=True)
class FitContext:
    """Where a fit keeps what costs time to make again, and which of its rows stand for what."""

    cache: Path
    """Folder of embeddings, word vectors, exported encoders and the checkpoints of networks; made when needed."""
    primary: int | None = None
    """The first `primary` rows are a uniform sample of what the model is for; the others are extra rows to learn from.
    Extra rows are in the train side of every fold; scores, calibration, the uncertain band and the reference
    statistics come from primary rows alone. None: all rows are primary."""
    languages: Mapping[str, LabelledTexts] = field(default_factory=dict)
    """Labelled texts by language code, for calibration (and nothing else, unless `learn_languages`)."""
    language_weights: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """A weight for each of those texts, 1 in the mean; a language that is not named weighs them all the same."""
    learn_languages: bool = False
    """Whether those texts may also be learned from, by members of an ensemble that ask for it; they are calibrated on
    texts left out in turn."""
    encoders: EncoderChoice = field(default_factory=EncoderChoice)
    """The encoders and vectors that the settings choose."""

    def weights_of(self, code: str) -> NDArray[np.float64]:
        """The weight of each labelled text of a language."""
        rows = len(self.languages[code][0])
        return np.asarray(self.language_weights.get(code, np.ones(rows)), dtype=np.float64)

    def primary_rows(self, rows: int) -> int:
        """How many of `rows` rows are primary."""
        return rows if self.primary is None else min(self.primary, rows)
