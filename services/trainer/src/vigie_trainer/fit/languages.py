"""One calibration a language: an encoder may rank French well and still lean to one side on all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vigie_model import detect_language
from vigie_model.calibration import ByLanguage, Calibration
from vigie_trainer.fit.calibrate import fit_calibration
from vigie_trainer.fit.context import FitContext

FEWEST_ROWS = 20
"""Of each class; with fewer, a language has the curve of the others."""


def calibrate_by_language(
    kind: Literal["platt", "isotonic", "none"],
    margins: NDArray[np.float64],
    labels: NDArray[np.int64],
    margins_of: Callable[[Sequence[str]], NDArray[np.float64]],
    context: FitContext,
    weights: NDArray[np.float64] | None = None,
) -> Calibration:
    """The curve of `margins`, and one of its own for each language that has labelled texts to fit it on.

    Only texts that are detected as that language count, since only those will be judged by its curve. A language's
    curve is always Platt's: its rows are few.

    Args:
        margins: of rows that the model was not fitted on.
        margins_of: the model's margins of texts.
        context: has the labelled texts by language code.
    """
    curve = fit_calibration(kind, margins, labels, weights)
    curves = {}
    for code, (texts, known) in context.languages.items():
        told = [at for at, text in enumerate(texts) if detect_language(text) == code]
        answers = np.asarray(known, dtype=np.int64)[told]
        if min((answers == label).sum() for label in (0, 1)) >= FEWEST_ROWS:
            curves[code] = fit_calibration(
                "platt", margins_of([texts[at] for at in told]), answers, context.weights_of(code)[told]
            )
    return ByLanguage({"default": curve, **curves}) if curves else curve


def calibrated(calibration: Calibration, margins: NDArray[np.float64], texts: Sequence[str]) -> NDArray[np.float64]:
    """P(positive) of each margin, by the curve of its text's language where there is one."""
    if isinstance(calibration, ByLanguage):
        return calibration.many(margins, [detect_language(text) for text in texts])
    return calibration.many(margins)
