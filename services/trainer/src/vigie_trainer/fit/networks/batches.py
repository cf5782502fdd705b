"""Which rows are trained on in which step: fixed by the lengths and the seed, so that training can go on where it
stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

_CHUNK = 50  # batches that are sorted by length together
_ROUND = 8  # tokens; TensorFlow plans its kernels anew for each length


def plan_batches(
    lengths: Sequence[int], *, examples: int, batch: int, seed: int, same_length: bool = False
) -> list[Rows]:
    """The rows of each step, about `examples` in all; every row once before any comes again.

    Rows of like length share a batch, so that little of it is padding: each run of 50 batches is sorted, and the
    batches are shuffled afterwards. A row that fits in no full batch waits for the next epoch. With `same_length`,
    rows of exactly one length share a batch, which may be smaller: for networks that must see no padding.
    """
    length = np.asarray(lengths)
    batch = min(batch, len(length))
    rng = np.random.default_rng(seed)
    plan: list[Rows] = []
    seen = 0
    while True:
        order = rng.permutation(len(length))
        epoch = _of_one_length(order, length, batch) if same_length else _of_like_length(order, length, batch)
        for at in rng.permutation(len(epoch)):
            if plan and seen + len(epoch[at]) / 2 >= examples:
                return plan
            plan.append(epoch[at])
            seen += len(epoch[at])


@dataclass(frozen=True)
class Masking:
    """Token dropout: so many of the tokens (a share, in expectation) become `mask`, but none of `spared`."""

    share: float
    mask: int
    spared: tuple[int, ...]

    def apply(self, ids: NDArray[np.int32], seed: int, step: int) -> NDArray[np.int32]:
        """The ids with other tokens masked in every step, the same ones whenever the step is done again."""
        if self.share == 0.0:
            return ids
        chosen = np.random.default_rng((seed, step)).random(ids.shape) < self.share
        return np.where(chosen & ~np.isin(ids, self.spared), np.int32(self.mask), ids)


def _of_like_length(order: Rows, length: NDArray[np.int_], batch: int) -> list[Rows]:
    found: list[Rows] = []
    for start in range(0, len(order), batch * _CHUNK):
        chunk = order[start : start + batch * _CHUNK]
        chunk = chunk[np.argsort(length[chunk], kind="stable")]
        found += [chunk[at : at + batch] for at in range(0, len(chunk) - batch + 1, batch)]
    return found


def _of_one_length(order: Rows, length: NDArray[np.int_], batch: int) -> list[Rows]:
    found: list[Rows] = []
    for one in np.unique(length[order]):
        rows = order[length[order] == one]
        found += [rows[at : at + batch] for at in range(0, len(rows), batch)]
    return found


def pad(
    encoded: Sequence[Sequence[int]], rows: Rows, *, multiple: int = _ROUND
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Token ids and padding mask of the rows, int32, shape (rows, length); the length is a multiple of `multiple`."""
    chosen: list[Sequence[int]] = [encoded[at] for at in rows]
    longest = max(1, max(len(ids) for ids in chosen))
    shape = (len(chosen), -(-longest // multiple) * multiple)
    ids, mask = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
    for row, tokens in enumerate(chosen):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask
