"""What every fit is given, whatever the kind of its recipe, and how each of them ends: the artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vigie_model
from vigie_model import Calibration, Scorer
from vigie_trainer.fit.calibrate import reference_statistics, uncertain_band
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.languages import calibrated

Rows = NDArray[np.intp]
Progress = Callable[[str, float], None]
"""Hears a step and the share of it that is done."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Labelled rows; the first `primary` ones are primary (see `FitContext.primary`)."""

    texts: Sequence[str]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    primary: int

    def weighed(self, rows: Rows) -> NDArray[np.float64] | None:
        """The weights of the rows; None when all weigh the same."""
        return None if self.weights is None else self.weights[rows]

    def take(self, rows: Rows) -> Sample:
        """The rows, in the given order, which has the primary ones first."""
        texts = [self.texts[row] for row in rows.tolist()]
        return Sample(texts, self.labels[rows], self.weighed(rows), int((rows < self.primary).sum()))

    def without(self, rows: Rows) -> Sample:
        """All rows but these, in order."""
        return self.take(np.setdiff1d(np.arange(len(self.texts)), rows))


@dataclass(frozen=True, slots=True)
class Task:
    """One fit: what it learns from, how, and where its artifact goes."""

    sample: Sample
    out: Path
    trained: Mapping[str, Any]
    """What the manifest says of the data."""
    seed: int
    threads: int
    progress: Progress
    context: FitContext

    def write(
        self,
        recipe: str,
        scorer: Scorer,
        calibration: Calibration,
        unseen: Sample,
        margins: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Write the artifact; the uncertain band and the reference statistics come from rows that the model was not
        fitted on and its margins of them. Returns their scores.

        Raises ArtifactError when `out` holds something already.
        """
        scores = calibrated(calibration, margins, unseen.texts)
        band = uncertain_band(scores, unseen.labels)
        vigie_model.save(
            self.out,
            recipe=recipe,
            scorer=scorer,
            calibration=calibration,
            uncertain=band,
            reference=reference_statistics(unseen.texts, scores, unseen.labels, band),
            trained=dict(self.trained),
        )
        self.progress("write", 1.0)
        return scores


def flat_parameters(document: Mapping[str, Any], prefix: str = "") -> dict[str, str | int | float | bool | None]:
    """The document's values by dotted name; a list becomes one text."""
    flat: dict[str, str | int | float | bool | None] = {}
    for key, value in document.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            flat |= flat_parameters(value, name)
        elif isinstance(value, list | tuple):
            flat[name] = ("-" if min(value, default=0) >= 0 else ",").join(map(str, value))
        else:
            flat[name] = value
    return flat
