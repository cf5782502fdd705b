"""What the training of a network hands back."""

from __future__ import annotations

from dataclasses import dataclass

from vigie_model import NetworkScorer


@dataclass(frozen=True)
class TrainedNetwork:
    """The scorer as the artifact will hold it, the seconds its training took, and its curves by name."""

    scorer: NetworkScorer
    seconds: float
    curves: dict[str, list[float]]
