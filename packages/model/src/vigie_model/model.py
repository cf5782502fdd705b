"""A loaded model: raw text in, verdicts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from vigie_model.artifact import read_artifact, write_artifact
from vigie_model.calibration import Calibration
from vigie_model.cleaning import Cleaner
from vigie_model.errors import ArtifactError
from vigie_model.features import describe_features, load_features
from vigie_model.heads import Cost, Head, LinearHead, load_head
from vigie_model.language import detect_language, language_of
from vigie_model.linear import LinearScorer
from vigie_model.manifest import Manifest
from vigie_model.tfidf import TfidfFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_TEXT_LENGTH = 10_000
"""Unicode characters of one text that the product accepts. The model itself takes any length."""

Sentiment = Literal["negative", "positive"]


class Prediction(NamedTuple):
    """A verdict: `score` is P(positive), `confidence` that of the sentiment (0.5 to 1), `language` en, fr or und."""

    sentiment: Sentiment
    score: float
    confidence: float
    uncertain: bool
    language: str


class Model:
    """Judges texts. Pure, deterministic and thread-safe; a text scores the same alone and in a batch."""

    def __init__(self, manifest: Manifest, digest: str, features: TfidfFeatures, head: Head) -> None:
        self.manifest = manifest
        self.digest = digest
        self.features = features
        self.head = head
        self._calibration = manifest.calibration
        self._low, self._high = manifest.uncertain
        self._scorer: LinearScorer | None = None
        if isinstance(head, LinearHead) and LinearScorer.can_fuse(features):
            self._scorer = LinearScorer(features, head.weights, head.intercept)

    @property
    def recipe(self) -> str:
        """The name of the recipe that made the model."""
        return self.manifest.recipe

    @property
    def cost(self) -> Cost:
        """light: microseconds a text, may run on an event loop; heavy: run in a thread."""
        return self.head.cost

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """What the head says before calibration, float64, shape (n,)."""
        if self._scorer is not None:
            return self._scorer.margins(texts)
        return self.head.margins(self.features.transform(texts))

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """P(positive) of each text, calibrated: float64 in [0, 1], shape (n,)."""
        return self._calibration.many(self.margins(texts))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One verdict a text, in order."""
        if self._scorer is not None:
            return [self.predict_one(text) for text in texts]
        scores = self.score(texts).tolist()
        return [self._verdict(score, detect_language(text)) for text, score in zip(texts, scores, strict=True)]

    def predict_one(self, text: str) -> Prediction:
        """The verdict on one text; the same as `predict([text])[0]`."""
        if self._scorer is None:
            return self.predict([text])[0]
        margin, evidence = self._scorer.margin(text)
        return self._verdict(self._calibration.one(margin), language_of(evidence))

    def _verdict(self, score: float, language: str) -> Prediction:
        uncertain = self._low < score < self._high
        if score >= 0.5:
            return Prediction("positive", score, score, uncertain, language)
        return Prediction("negative", score, 1.0 - score, uncertain, language)


def load(folder: Path, *, threads: int = 1) -> Model:
    """The model in the artifact folder, every file verified. `threads` is what a heavy head may use.

    Raises ArtifactError, with a sentence that says what is wrong.
    """
    manifest, files, digest = read_artifact(folder)
    features = load_features(manifest.features, files, Cleaner(manifest.cleaning))
    head = load_head(manifest.head, files, threads=threads)
    if head.describe()["width"] != features.width:
        raise ArtifactError(f"The head takes {head.describe()['width']} columns, the features give {features.width}.")
    return Model(manifest, digest, features, head)


def save(
    folder: Path,
    *,
    recipe: str,
    features: TfidfFeatures,
    head: Head,
    calibration: Calibration,
    uncertain: tuple[float, float],
    reference: Mapping[str, Any] | None = None,
    trained: Mapping[str, Any] | None = None,
) -> str:
    """Write an artifact of the current format to `folder`, at once or not at all, and return its digest.

    Raises ArtifactError when the folder holds something already.
    """
    entry, files = describe_features(features)
    manifest = Manifest(
        recipe=recipe,
        cleaning=features.cleaner.options,
        features=entry,
        head=head.describe(),
        calibration=calibration,
        uncertain=uncertain,
        reference=reference or {},
        trained=trained or {},
    )
    return write_artifact(folder, manifest, {**files, **head.files()})
