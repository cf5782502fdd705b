"""Rows that only one of two models judges right: what a change of champion means in sentences. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.scoring.metrics import CLASSES, THRESHOLD

MOST = 12


@dataclass(frozen=True, slots=True)
class Example:
    """A row that one of the two judged right.

    Attributes:
        fixed: whether the challenger is the one that is right.
        corrected: whether it is a correction held out by time, rather than a row of the held-out set.
        champion, challenger: their P(positive).
    """

    text: str
    right: str
    fixed: bool
    corrected: bool
    champion: float
    challenger: float


def examples(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    champion: NDArray[np.float64],
    challenger: NDArray[np.float64],
    *,
    corrected: bool,
) -> tuple[Example, ...]:
    """At most `MOST` rows that only the challenger judges right, then as many that only the champion does; those whose
    score moved furthest first.

    Args:
        labels: 0/1, shape (n,).
        champion, challenger: P(positive), shape (n,).
    """
    old_right = (champion >= THRESHOLD) == (labels == 1)
    new_right = (challenger >= THRESHOLD) == (labels == 1)
    order: NDArray[Any] = np.argsort(-np.abs(challenger - champion), kind="stable")
    found: list[Example] = []
    for fixed, chosen in ((True, new_right & ~old_right), (False, old_right & ~new_right)):
        found += [
            Example(texts[at], CLASSES[int(labels[at])], fixed, corrected, float(champion[at]), float(challenger[at]))
            for at in [at for at in order.tolist() if chosen[at]][:MOST]
        ]
    return tuple(found)
