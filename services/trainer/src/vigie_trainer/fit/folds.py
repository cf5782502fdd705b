"""Folds of cross-validation, by text: a text that comes twice is on one side of every fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from vigie_trainer.data.rows import text_hashes

Rows = NDArray[np.intp]
Fold = tuple[Rows, Rows]
"""Rows to fit on, rows to score."""


def make_folds(texts: Sequence[str], labels: NDArray[np.int64], folds: int, seed: int, primary: int) -> list[Fold]:
    """Stratified folds over the first `primary` rows; the others are in every train side.

    Rows whose texts are equal (but for case, accents and spaces) share a fold, and an extra row is not learned from
    where its text is scored. Fewer folds when a class has fewer texts; each class needs at least two primary rows.
    """
    keys = text_hashes(texts)
    _, first, group = np.unique(keys[:primary], return_index=True, return_inverse=True)
    distinct = np.sort(first)  # in file order, so that without any copy the folds are those of the rows
    group = np.searchsorted(distinct, first[group])
    smallest = _smallest(labels[distinct])
    if smallest < 2:  # a handful of rows, nearly all copies: any split is better than none
        distinct, group = np.arange(primary), np.arange(primary)
        smallest = _smallest(labels[:primary])
    splitter = StratifiedKFold(min(folds, smallest), shuffle=True, random_state=seed)
    out: list[Fold] = []
    for _, held in splitter.split(np.zeros(len(distinct)), labels[distinct]):
        scored = np.zeros(len(distinct), dtype=bool)
        scored[held] = True
        inside = scored[group]
        held_out = np.flatnonzero(inside)
        extra = primary + np.flatnonzero(~np.isin(keys[primary:], keys[held_out]))
        out.append((np.concatenate([np.flatnonzero(~inside), extra]), held_out))
    return out


def sampled_rows(labels: NDArray[np.int64], most: int, seed: int, primary: int) -> tuple[Rows, int]:
    """At most `most` rows for a search, ascending, and how many of them are primary: primary rows before extra ones,
    each class by its share."""
    random = np.random.default_rng(seed)
    taken = _stratified(labels[:primary], most, random)
    more = primary + _stratified(labels[primary:], most - len(taken), random)
    return np.concatenate([taken, more]), len(taken)


def _stratified(labels: NDArray[np.int64], most: int, random: np.random.Generator) -> Rows:
    if len(labels) <= most:
        return np.arange(len(labels))
    chosen = [
        random.permutation(np.flatnonzero(labels == label))[: round(most * float((labels == label).mean()))]
        for label in (0, 1)
    ]
    return np.sort(np.concatenate(chosen))


def _smallest(labels: NDArray[np.int64]) -> int:
    return int(min(labels.sum(), len(labels) - labels.sum()))
