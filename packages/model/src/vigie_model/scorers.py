"""Scorers: from a text to a margin that rises with P(positive). A model is a scorer and its calibration.

FeatureScorer    features and a head
NetworkScorer    a whole network as an ONNX graph
EnsembleScorer   a weighted sum of others, weighed by language
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.features import Features, load_features
from vigie_model.heads import Cost, Head, LinearHead, load_head
from vigie_model.linear import LinearScorer
from vigie_model.tfidf import TfidfFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = ("features", "network", "ensemble")


class Scorer(Protocol):
    """What every scorer offers. Pure, deterministic and thread-safe; a text has the same margin alone and in a batch
    (of networks, to 1e-6)."""

    cost: Cost
    """light: microseconds, may run on an event loop; heavy: run in a thread."""

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One finite margin a text, float64, shape (len(texts),)."""
        ...

    def describe(self) -> dict[str, Any]:
        """The manifest's entry, with its `kind`."""
        ...

    def files(self) -> dict[str, bytes]:
        """The data files, by name."""
        ...


class FeatureScorer:
    """A head over features. Raises ArtifactError when the head takes another number of columns than there are."""

    def __init__(self, features: Features, head: Head) -> None:
        if head.width != features.width:
            raise ArtifactError(f"The head takes {head.width} columns, the features give {features.width}.")
        self.features = features
        self.head = head
        self.cost: Cost = "light" if features.cost == head.cost == "light" else "heavy"

    @property
    def linear(self) -> tuple[TfidfFeatures, LinearHead] | None:
        """Features and head, when the score is a weighted sum of TF-IDF terms; else None."""
        if isinstance(self.features, TfidfFeatures) and isinstance(self.head, LinearHead):
            return self.features, self.head
        return None

    @cached_property
    def fused(self) -> LinearScorer | None:
        """The same scorer without a matrix in between, for TF-IDF of a shape that can be fused; else None."""
        if self.linear is None or not LinearScorer.can_fuse(self.linear[0]):
            return None
        features, head = self.linear
        return LinearScorer(features, head.weights, head.intercept)

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """What the head says of each text's features."""
        if self.fused is not None:
            return self.fused.margins(texts)
        return self.head.margins(self.features.transform(texts))

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "features", "features": self.features.describe(), "head": self.head.describe()}

    def files(self) -> dict[str, bytes]:
        """The files of the features and of the head."""
        return {**self.features.files(), **self.head.files()}


def load_scorer(entry: Mapping[str, Any], files: Mapping[str, bytes], *, threads: int) -> Scorer:
    """The scorer that a manifest describes; `threads` is what each of its heavy parts may use.

    Raises ArtifactError for an unknown kind, an incomplete entry or an unsound file.
    """
    match entry.get("kind"):
        case "features":
            features = load_features(part_of(entry, "features"), files, threads=threads)
            return FeatureScorer(features, load_head(part_of(entry, "head"), files, threads=threads))
        case "network":
            from vigie_model.network import load_network

            return load_network(part_of(entry, "tokens"), files, threads=threads)
        case "ensemble":
            from vigie_model.ensemble import load_ensemble

            return load_ensemble(entry, files, threads=threads)
        case kind:
            raise ArtifactError(f"Unknown scorer {kind!r}: this version of vigie_model knows {', '.join(KINDS)}.")


def part_of(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The entry `name` inside a scorer's entry. Raises ArtifactError when it is not an object."""
    part = entry.get(name)
    if not isinstance(part, dict):
        raise ArtifactError(f"The manifest's scorer lacks its {name}, or they are no object.")
    return part
