"""Counting n-grams once, for every fold and every setting of a search to choose its vocabulary from."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from vigie_model.tfidf import Analyzer, token_char_ngrams, word_ngrams


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each n-gram comes in each document: `matrix` has one row a document and one column a term."""

    analyzer: Analyzer
    ngrams: tuple[int, int]
    terms: NDArray[np.object_]
    matrix: csr_matrix

    def document_frequency(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """In how many of the given documents each term comes, shape (terms,)."""
        return np.bincount(self.matrix[rows].indices, minlength=self.matrix.shape[1])


def count_ngrams(documents: Iterable[Sequence[str]], analyzer: Analyzer, ngrams: tuple[int, int]) -> Counts:
    """The n-grams of tokenised documents, counted; terms in alphabetical order."""
    ids: dict[str, int] = {}
    # Arrays and not lists: a quarter of a million tweets have fifty million n-grams.
    indices, starts = array("i"), array("q", [0])
    token_ids: dict[str, list[int]] = {}
    for tokens in documents:
        if analyzer == "word":
            indices.extend([ids.setdefault(term, len(ids)) for term in word_ngrams(tokens, *ngrams)])
        else:
            for token in tokens:
                known = token_ids.get(token)
                if known is None:
                    known = [ids.setdefault(term, len(ids)) for term in token_char_ngrams(token, *ngrams)]
                    token_ids[token] = known
                indices.extend(known)
        starts.append(len(indices))
    terms = np.array(list(ids), dtype=object)
    order = np.argsort(terms, kind="stable")
    rank = np.empty(len(terms), dtype=np.int32)
    rank[order] = np.arange(len(terms), dtype=np.int32)
    columns = rank[np.frombuffer(indices, dtype=np.int32)] if indices else np.zeros(0, dtype=np.int32)
    matrix = csr_matrix(
        (np.ones(len(columns)), columns, np.array(starts, dtype=np.int64)), shape=(len(starts) - 1, len(terms))
    )
    matrix.sum_duplicates()
    return Counts(analyzer, ngrams, terms[order], matrix)
