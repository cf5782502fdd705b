"""The texts of a fit as each kind of features wants them: counted, as words with vectors, or embedded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vigie_model import ArtifactError, Cleaner, SavedModelFeatures, UseFeatures
from vigie_model.features import Features as RuntimeFeatures
from vigie_trainer.encoders.backbone import MINILM
from vigie_trainer.encoders.embeddings import embeddings
from vigie_trainer.encoders.frozen import transformer_features
from vigie_trainer.encoders.glove import Vectors, read_glove
from vigie_trainer.encoders.word2vec import trained_vectors
from vigie_trainer.fit.classifiers import Matrix
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.pooling import VectorCorpus
from vigie_trainer.fit.vectorise import CountedCorpus, fit_features
from vigie_trainer.recipe import (
    Cleaning,
    Features,
    GloveSpec,
    Pooling,
    Recipe,
    TfidfSpec,
    TransformerSpec,
    UseSpec,
    Word2vecSpec,
)

Rows: TypeAlias = NDArray[np.intp]
PYPI_USE = "pypi"


class Fitted(Protocol):
    """Features fitted on some rows."""

    @property
    def scale(self) -> NDArray[np.float64] | None:
        """The factor of each column that the runtime does not apply; None: 1 each."""
        ...

    def rows(self, rows: Rows) -> Matrix:
        """The features of the given texts."""
        ...


class Corpus(Protocol):
    """Texts under one cleaning and one kind of features. `fit` only reads, so folds may share it."""

    def fit(self, rows: Rows, labels: NDArray[np.int64]) -> tuple[Any, Matrix]:
        """What is `Fitted` on these rows (whose labels are `labels`, one each), and their features."""
        ...

    def runtime(self, fitted: Any) -> RuntimeFeatures:
        """The same features for the runtime."""
        ...


def resolved(recipe: Recipe, context: FitContext) -> Recipe:
    """The recipe with the encoder that the settings, or else Vigie, choose where it names none."""
    match recipe.features:
        case TransformerSpec(encoder=None):
            encoder = context.encoders.transformer or MINILM
        case UseSpec(encoder=None):
            encoder = context.encoders.use or PYPI_USE
        case _:
            return recipe
    return recipe.model_copy(update={"features": recipe.features.model_copy(update={"encoder": encoder})})


class Corpora:
    """The texts of a fit. What is dear to make (embeddings, word vectors, tokens) is made once and kept.

    Attributes:
        encode_s: seconds spent on embeddings so far.
        vectors_s: seconds that the training of the last word vectors took, now or when it took place.
        spent_s: seconds spent here on either, so far.
    """

    def __init__(
        self,
        texts: Sequence[str],
        context: FitContext,
        *,
        seed: int,
        threads: int,
        progress: Callable[[str, float], None],
    ) -> None:
        self.encode_s = self.vectors_s = self.spent_s = 0.0
        self._texts = texts
        self._context = context
        self._seed = seed
        self._threads = threads
        self._progress = progress
        self._counted: tuple[object, CountedCorpus] | None = None
        self._tokens: tuple[Cleaning, list[list[str]]] | None = None
        self._glove: tuple[object, Vectors] | None = None
        self._embedded: dict[Features, tuple[RuntimeFeatures, NDArray[np.float32]]] = {}

    def open(self, cleaning: Cleaning, spec: Features, rows: Rows | None = None) -> Corpus:
        """The texts, or the given rows of them, for one kind of features; its rows are then counted from 0.

        Embeddings and word vectors are always made of all texts, which for neither needs a label.

        Raises FitError when an encoder, a file or an extra that the features need is not there.
        """
        if isinstance(spec, TfidfSpec):
            return _Counted(self._counts(cleaning, rows), spec)
        if isinstance(spec, Word2vecSpec | GloveSpec):
            documents = self._documents(cleaning)
            words, vectors = self._vectors(spec, cleaning, documents)
            chosen = documents if rows is None else [documents[row] for row in rows]
            return _Pooled(VectorCorpus(chosen, words, vectors), Cleaner(cleaning.options()), spec.pooling)
        features, matrix = self._embeddings(spec)
        return _Embedded(features, matrix if rows is None else matrix[rows])

    def start_afresh(self) -> None:
        """Forget what was counted and read, so that the time of a fit includes the cleaning."""
        self._counted = self._tokens = self._glove = None

    def _counts(self, cleaning: Cleaning, rows: Rows | None) -> CountedCorpus:
        key = cleaning, None if rows is None else rows.tobytes()
        if self._counted is None or self._counted[0] != key:
            chosen = self._texts if rows is None else [self._texts[row] for row in rows]
            self._counted = key, CountedCorpus(chosen, Cleaner(cleaning.options()))
        return self._counted[1]

    def _documents(self, cleaning: Cleaning) -> list[list[str]]:
        if self._tokens is None or self._tokens[0] != cleaning:
            cleaner = Cleaner(cleaning.options())
            self._tokens = cleaning, [cleaner.tokens(text) for text in self._texts]
        return self._tokens[1]

    def _vectors(
        self, spec: Word2vecSpec | GloveSpec, cleaning: Cleaning, documents: Sequence[Sequence[str]]
    ) -> Vectors:
        if isinstance(spec, GloveSpec):
            key = (spec.file, spec.words, cleaning)
            if self._glove is None or self._glove[0] != key:
                path = self._context.encoders.glove if spec.file is None else Path(spec.file)
                wanted = frozenset(token for tokens in documents for token in tokens)
                self._glove = key, read_glove(path, most=spec.words, wanted=wanted)
            return self._glove[1]
        started = time.perf_counter()
        trained = trained_vectors(documents, spec, self._context.cache, seed=self._seed)
        self.spent_s += time.perf_counter() - started
        self.vectors_s = trained.seconds
        return trained.words, trained.vectors

    def _embeddings(self, spec: TransformerSpec | UseSpec) -> tuple[RuntimeFeatures, NDArray[np.float32]]:
        if spec not in self._embedded:
            self._progress("encode", 0.0)
            started = time.perf_counter()
            try:
                features = self._encoder(spec)
                matrix = embeddings(
                    features, self._texts, self._context.cache, lambda share: self._progress("encode", share)
                )
            except ArtifactError as error:
                raise FitError(str(error)) from error
            taken = time.perf_counter() - started
            self.encode_s += taken
            self.spent_s += taken
            self._embedded[spec] = features, matrix
            self._progress("encode", 1.0)
        return self._embedded[spec]

    def _encoder(self, spec: TransformerSpec | UseSpec) -> RuntimeFeatures:
        if isinstance(spec, TransformerSpec):
            return transformer_features(spec, spec.encoder or MINILM, self._context.cache, threads=self._threads)
        if spec.encoder not in (None, PYPI_USE):
            return SavedModelFeatures(str(spec.encoder))
        return UseFeatures(bare=spec.bare)  # one thread: a second would only be waited for


class _Counted:
    def __init__(self, counted: CountedCorpus, spec: TfidfSpec) -> None:
        counted.count_for(spec)
        self._counted = counted
        self._spec = spec

    def fit(self, rows: Rows, labels: NDArray[np.int64]) -> tuple[Any, Matrix]:
        return fit_features(self._counted, self._spec, rows, labels)

    def runtime(self, fitted: Any) -> RuntimeFeatures:
        return fitted.for_runtime(self._counted.cleaner)  # type: ignore[no-any-return] # TfidfFeatures


class _Pooled:
    def __init__(self, corpus: VectorCorpus, cleaner: Cleaner, pooling: Pooling) -> None:
        self._corpus = corpus
        self._cleaner = cleaner
        self._pooling = pooling

    def fit(self, rows: Rows, labels: NDArray[np.int64]) -> tuple[Any, Matrix]:
        return self._corpus.fit(self._pooling, rows, labels)

    def runtime(self, fitted: Any) -> RuntimeFeatures:
        return fitted.for_runtime(self._cleaner)  # type: ignore[no-any-return] # WordVectorFeatures


class _Embedded:
    scale = None

    def __init__(self, features: RuntimeFeatures, matrix: NDArray[np.float32]) -> None:
        self._features = features
        self._matrix = matrix

    def rows(self, rows: Rows) -> NDArray[np.float32]:
        """The embeddings of the given texts; without a copy when those are all, in order."""
        everything = len(rows) == len(self._matrix) and bool((np.diff(rows) == 1).all())
        return self._matrix if everything else self._matrix[rows]

    def fit(self, rows: Rows, labels: NDArray[np.int64]) -> tuple[Any, Matrix]:
        return self, self.rows(rows)

    def runtime(self, fitted: Any) -> RuntimeFeatures:
        return self._features
