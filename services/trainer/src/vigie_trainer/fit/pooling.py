"""Words and their vectors, pooled into one row a text as the runtime does it, for every fold of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from vigie_model import Cleaner
from vigie_model.word_vectors import WordVectorFeatures
from vigie_trainer.fit.errors import FitError
from vigie_trainer.recipe import Pooling

Rows = NDArray[np.intp]
_COMMON_ROWS = 20_000  # enough to tell the direction that all texts share


@dataclass(frozen=True, slots=True)
class FittedPooling:
    """Vectors with a weight a word (none: all alike) and a direction that is taken out (none: nothing is)."""

    corpus: VectorCorpus
    vectors: NDArray[np.float32]
    word_weights: NDArray[np.float32] | None
    common: NDArray[np.float32] | None
    scale: None = None

    def rows(self, rows: Rows) -> NDArray[np.float32]:
        """The pooled vectors of the given texts, float32, shape (len(rows), width)."""
        weighted = self.vectors if self.word_weights is None else self.vectors * self.word_weights[:, None]
        pooled = np.asarray(self.corpus.shares[rows] @ weighted, dtype=np.float32)
        if self.common is not None:
            pooled -= np.outer(pooled @ self.common, self.common)
        return pooled

    def for_runtime(self, cleaner: Cleaner) -> WordVectorFeatures:
        """The same for the runtime; vectors in half precision, which they already are in value."""
        return WordVectorFeatures(
            cleaner, self.corpus.words, self.vectors.astype(np.float16), self.word_weights, self.common
        )


class VectorCorpus:
    """Tokenised texts, and the vectors of their words."""

    def __init__(self, documents: Sequence[Sequence[str]], words: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self.words = words
        # Rounded to half precision before anything is fitted on them, since that is how the artifact keeps them.
        self.vectors = vectors.astype(np.float16).astype(np.float32)
        numbers = {word: number for number, word in enumerate(words)}
        known = [[numbers[token] for token in tokens if token in numbers] for tokens in documents]
        lengths = np.array([len(places) for places in known], dtype=np.int64)
        if not lengths.any():
            raise FitError("The texts hold no word that has a vector. Check that the text column is the right one.")
        places = np.fromiter((place for row in known for place in row), dtype=np.int32, count=int(lengths.sum()))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        shares = np.repeat((1.0 / np.maximum(lengths, 1)).astype(np.float32), lengths)
        self.shares = csr_matrix((shares, places, starts), shape=(len(known), len(words)))
        """Row i, column j: what part of text i's known words is word j."""
        self.shares.sum_duplicates()
        self._frequency = np.bincount(places, minlength=len(words)) / max(1, len(places))

    def fit(self, pooling: Pooling, rows: Rows, labels: NDArray[np.int64]) -> tuple[FittedPooling, NDArray[np.float32]]:
        """The pooling fitted on `rows` (whose labels are `labels`, one each), and their pooled vectors."""
        vectors, weights, common = self.vectors, None, None
        if pooling.weights == "sif":
            weights = (pooling.a / (pooling.a + self._frequency)).astype(np.float32)
            plain = FittedPooling(self, vectors, weights, None).rows(rows[:_COMMON_ROWS])
            common = np.ascontiguousarray(np.linalg.svd(plain, full_matrices=False)[2][0])
        elif pooling.weights == "ratio":
            weights = (pooling.floor + self._ratio(rows, labels, pooling.smoothing)).astype(np.float32)
        if pooling.beside_mean and weights is not None:
            # One matrix of twice the width, whose rows need no weight: the mean, and the weighted mean beside it.
            both = np.hstack([vectors, vectors * weights[:, None]])
            vectors, weights = both.astype(np.float16).astype(np.float32), None
            common = None if common is None else np.concatenate([np.zeros_like(common), common])
        fitted = FittedPooling(self, vectors, weights, common)
        return fitted, fitted.rows(rows)

    def _ratio(self, rows: Rows, labels: NDArray[np.int64], smoothing: float) -> NDArray[np.float64]:
        present = self.shares[rows]
        present = csr_matrix((np.ones(present.nnz), present.indices, present.indptr), shape=present.shape)
        counts = [np.asarray(present[labels == label].sum(axis=0)).ravel() + smoothing for label in (0, 1)]
        ratio = np.log((counts[1] / counts[1].sum()) / (counts[0] / counts[0].sum()))
        return np.asarray(np.abs(ratio))
