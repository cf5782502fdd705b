"""Vocabularies chosen, and features weighed, on the training rows alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_selection import chi2

from vigie_model import Block, Cleaner, TfidfFeatures
from vigie_model.negation import mark_negated
from vigie_model.tfidf import Analyzer, weigh
from vigie_trainer.fit.counts import Counts, count_ngrams
from vigie_trainer.fit.errors import FitError
from vigie_trainer.recipe import NgramBlock, TfidfSpec

Rows = NDArray[np.intp]


def block_specs(spec: TfidfSpec) -> list[tuple[Analyzer, NgramBlock]]:
    """The blocks of a recipe's features, words first."""
    kinds: list[tuple[Analyzer, NgramBlock | None]] = [("word", spec.word), ("char_wb", spec.char)]
    return [(analyzer, block) for analyzer, block in kinds if block is not None]


class CountedCorpus:
    """Tokenised texts, with the counts of every kind of n-gram that was asked for, each counted once."""

    def __init__(self, texts: Sequence[str], cleaner: Cleaner) -> None:
        self.cleaner = cleaner
        self.documents = [cleaner.tokens(text) for text in texts]
        self._counts: dict[tuple[Analyzer, tuple[int, int], int], Counts] = {}

    def count_for(self, spec: TfidfSpec) -> None:
        """Count whatever `spec` needs, so that threads which share the corpus afterwards only read."""
        for analyzer, block in block_specs(spec):
            self.counts(analyzer, block)

    def counts(self, analyzer: Analyzer, block: NgramBlock) -> Counts:
        """The counts of one kind of n-gram."""
        key = (analyzer, block.ngrams, block.negation_span)
        if key not in self._counts:
            documents: Iterable[Sequence[str]] = self.documents
            if block.negation_span:
                documents = (mark_negated(tokens, block.negation_span)[0] for tokens in self.documents)
            self._counts[key] = count_ngrams(documents, analyzer, block.ngrams)
        return self._counts[key]


@dataclass(frozen=True, slots=True)
class FittedBlock:
    """The chosen columns of some counts, and the weight of each."""

    counts: Counts
    columns: NDArray[np.intp]
    idf: NDArray[np.float64]
    sublinear: bool
    negation_span: int

    def rows(self, rows: Rows) -> csr_matrix:
        """TF-IDF of the given documents, shape (len(rows), len(columns))."""
        return weigh(self.counts.matrix[rows][:, self.columns], self.idf, sublinear=self.sublinear)


@dataclass(frozen=True, slots=True)
class FittedFeatures:
    """Blocks side by side, and the factor of each column (its log-count ratio; none means 1)."""

    blocks: tuple[FittedBlock, ...]
    scale: NDArray[np.float64] | None

    def rows(self, rows: Rows) -> csr_matrix:
        """The features of the given documents, scaled."""
        matrix = self.unscaled(rows)
        if self.scale is not None:
            matrix.data *= self.scale[matrix.indices]
        return matrix

    def unscaled(self, rows: Rows) -> csr_matrix:
        """The plain TF-IDF features of the given documents."""
        return csr_matrix(hstack([block.rows(rows) for block in self.blocks], format="csr"))

    def for_runtime(self, cleaner: Cleaner) -> TfidfFeatures:
        """The same features for the runtime, unscaled: a linear head takes the factors into its weights."""
        return TfidfFeatures(
            cleaner,
            [
                Block(
                    block.counts.analyzer,
                    block.counts.ngrams,
                    block.counts.terms[block.columns].tolist(),
                    block.idf,
                    block.sublinear,
                    block.negation_span,
                )
                for block in self.blocks
            ],
        )


def fit_features(
    corpus: CountedCorpus, spec: TfidfSpec, rows: Rows, labels: NDArray[np.int64]
) -> tuple[FittedFeatures, csr_matrix]:
    """Features fitted on `rows` (whose labels are `labels`, one each), and their matrix, shape (len(rows), width).

    Raises FitError when those texts hold no term at all.
    """
    blocks = tuple(
        _fit_block(corpus.counts(analyzer, block), block, spec.sublinear_tf, rows, labels)
        for analyzer, block in block_specs(spec)
    )
    plain = FittedFeatures(blocks, None)
    matrix = plain.unscaled(rows)
    if matrix.shape[1] == 0:
        raise FitError("The texts hold no word to learn from. Check that the text column is the right one.")
    if spec.log_count_ratio is None:
        return plain, matrix
    scale = log_count_ratio(matrix, labels, spec.log_count_ratio)
    matrix.data *= scale[matrix.indices]
    return FittedFeatures(blocks, scale), matrix


def _fit_block(counts: Counts, spec: NgramBlock, sublinear: bool, rows: Rows, labels: NDArray[np.int64]) -> FittedBlock:
    frequency = counts.document_frequency(rows)
    columns = np.flatnonzero(frequency >= spec.min_df)
    if len(columns) == 0:  # a handful of texts may share no term at all
        columns = np.flatnonzero(frequency >= 1)
    # Inverse document frequency as scikit-learn smooths it.
    idf = np.log((1.0 + len(rows)) / (1.0 + frequency[columns])) + 1.0
    if spec.max_terms is not None and len(columns) > spec.max_terms:
        weighed = weigh(counts.matrix[rows][:, columns], idf, sublinear=sublinear)
        statistic = np.nan_to_num(chi2(weighed, labels)[0])
        best = np.sort(np.argsort(-statistic, kind="stable")[: spec.max_terms])
        columns, idf = columns[best], idf[best]
    return FittedBlock(counts, columns, idf, sublinear, spec.negation_span)


def log_count_ratio(matrix: csr_matrix, labels: NDArray[np.int64], smoothing: float) -> NDArray[np.float64]:
    """Per column, the log of its share among positives over its share among negatives, by presence, smoothed.

    Wang and Manning (2012), "Baselines and bigrams: simple, good sentiment and topic classification", equation 1.
    """
    presence = csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    positive = np.asarray(presence[labels == 1].sum(axis=0)).ravel() + smoothing
    negative = np.asarray(presence[labels == 0].sum(axis=0)).ravel() + smoothing
    return np.asarray(np.log((positive / positive.sum()) / (negative / negative.sum())))
