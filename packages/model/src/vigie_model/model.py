"""A loaded model: raw text in, verdicts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from vigie_model.artifact import read_artifact, write_artifact
from vigie_model.calibration import ByLanguage, Calibration, Curve
from vigie_model.ensemble import EnsembleScorer
from vigie_model.explain import MAX_PASSES, Method, TokenContribution, by_occlusion, by_terms
from vigie_model.features import Features
from vigie_model.heads import Cost, Head
from vigie_model.language import detect_language, language_of
from vigie_model.manifest import Manifest
from vigie_model.scorers import FeatureScorer, Scorer, load_scorer

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


class Explanation(NamedTuple):
    """A verdict, and what each run of characters adds to its log-odds of positive; less than 0 pulls to negative.

    `base` and the contributions add up to the log-odds. `method` is "linear" where the parts are exact, "occlusion"
    where each is what the score loses without the run.
    """

    prediction: Prediction
    method: Method
    base: float
    tokens: list[TokenContribution]


class Model:
    """Judges texts. Pure, deterministic and thread-safe; a text scores the same alone and in a batch."""

    def __init__(self, manifest: Manifest, digest: str, scorer: Scorer) -> None:
        self.manifest = manifest
        self.digest = digest
        self.scorer = scorer
        self._low, self._high = manifest.uncertain
        calibration = manifest.calibration
        curves = dict(calibration.curves) if isinstance(calibration, ByLanguage) else {"default": calibration}
        self._default: Curve = curves.pop("default")
        self._curves: dict[str, Curve] = curves  # of languages; empty when one curve serves all
        self._fused = scorer.fused if isinstance(scorer, FeatureScorer) else None
        self.folder: Path | None = None  # where it was loaded from

    @property
    def recipe(self) -> str:
        """The name of the recipe that made the model."""
        return self.manifest.recipe

    @property
    def cost(self) -> Cost:
        """light: microseconds a text, may run on an event loop; heavy: run in a thread."""
        return self.scorer.cost

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """What the scorer says before calibration, float64, shape (n,)."""
        return self.scorer.margins(texts)

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """P(positive) of each text, calibrated: float64 in [0, 1], shape (n,)."""
        margins = self.margins(texts)
        if not self._curves:
            return self._default.many(margins)
        scores = [
            self._curve(detect_language(text)).one(margin) for text, margin in zip(texts, margins.tolist(), strict=True)
        ]
        return np.array(scores, dtype=np.float64)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One verdict a text, in order."""
        if self._fused is not None:
            pairs = self._fused.margins_and_evidence(texts)
            return [self._verdict(margin, language_of(evidence)) for margin, evidence in pairs]
        languages = [detect_language(text) for text in texts]
        margins = self.margins(texts).tolist()
        return [self._verdict(margin, language) for margin, language in zip(margins, languages, strict=True)]

    def remember(self, pieces: int) -> None:
        """Remember so many pieces of text between two batches, where the model remembers any; 400 bytes each."""
        if self._fused is not None:
            self._fused.remember(pieces)

    def predict_one(self, text: str) -> Prediction:
        """The verdict on one text; the same as `predict([text])[0]`."""
        if self._fused is None:
            return self.predict([text])[0]
        margin, evidence = self._fused.margin(text)
        return self._verdict(margin, language_of(evidence))

    def explain(self, text: str, *, max_passes: int = MAX_PASSES) -> Explanation:
        """The verdict on one text, the same as `predict_one` gives, and the parts of its score.

        Scores `max_passes` texts at most: this one, and variants of it in one batch (none for TF-IDF under a linear
        head).
        """
        scorer = self.scorer
        if isinstance(scorer, FeatureScorer) and scorer.linear is not None:
            prediction = self.predict_one(text)
            parts = by_terms(text, *scorer.linear, self._curve(prediction.language))
        else:
            # The language stays that of the whole text: an explanation does not jump from one combiner to another.
            language = detect_language(text)
            margins = partial(_margins_in, scorer, language)
            margin = float(margins([text])[0])
            prediction = self._verdict(margin, language)
            parts = by_occlusion(text, margins, margin, self._curve(language), max_passes)
        return Explanation(prediction, *parts)

    def _curve(self, language: str) -> Curve:
        return self._curves.get(language, self._default)

    def _verdict(self, margin: float, language: str) -> Prediction:
        score = self._curves.get(language, self._default).one(margin)
        uncertain = self._low < score < self._high
        if score >= 0.5:
            return Prediction("positive", score, score, uncertain, language)
        return Prediction("negative", score, 1.0 - score, uncertain, language)


def _margins_in(scorer: Scorer, language: str, texts: Sequence[str]) -> NDArray[np.float64]:
    if isinstance(scorer, EnsembleScorer):
        return scorer.margins_in(texts, [language] * len(texts))
    return scorer.margins(texts)


def load(folder: Path, *, threads: int = 1) -> Model:
    """The model in the artifact folder, every file verified. `threads` is what a heavy head may use.

    Raises ArtifactError, with a sentence that says what is wrong.
    """
    manifest, files, digest = read_artifact(folder)
    model = Model(manifest, digest, load_scorer(manifest.scorer, files, threads=threads))
    model.folder = Path(folder).resolve()
    return model


def save(
    folder: Path,
    *,
    recipe: str,
    scorer: Scorer | None = None,
    features: Features | None = None,
    head: Head | None = None,
    calibration: Calibration,
    uncertain: tuple[float, float],
    reference: Mapping[str, Any] | None = None,
    trained: Mapping[str, Any] | None = None,
) -> str:
    """Write an artifact of the newest format to `folder`, at once or not at all, and return its digest.

    What scores is `scorer`, or `features` and `head`. Raises ArtifactError when the folder holds something already.
    """
    if scorer is None:
        if features is None or head is None:
            raise TypeError("save() takes a scorer, or features and a head")
        scorer = FeatureScorer(features, head)
    elif features is not None or head is not None:
        raise TypeError("save() takes a scorer, or features and a head, not both")
    manifest = Manifest(
        recipe=recipe,
        scorer=scorer.describe(),
        calibration=calibration,
        uncertain=uncertain,
        reference=reference or {},
        trained=trained or {},
    )
    return write_artifact(folder, manifest, scorer.files())
