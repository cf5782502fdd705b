"""The columns of bigrams by key, looked up many at a time.

A binary search in 90,000 keys waits for the memory a dozen times, a hash table once. NumPy has none, so this is one:
keys that find their slot taken go into a short sorted list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: Knuth, The Art of Computer Programming, volume 3, 6.4 (multiplicative hashing)."""
_NO_KEY = -1


class BigramTable:
    """Finds the columns of keys. Never changes; keys are not negative."""

    def __init__(self, columns: Mapping[int, int]) -> None:
        bits = max(4, (2 * len(columns)).bit_length())
        self._shift = np.uint64(64 - bits)
        keys = np.fromiter(columns.keys(), dtype=np.int64, count=len(columns))
        values = np.fromiter(columns.values(), dtype=np.int64, count=len(columns))
        slots = self._slots(keys)
        _, first = np.unique(slots, return_index=True)
        self._keys: Ints = np.full(1 << bits, _NO_KEY, dtype=np.int64)
        self._columns = np.zeros(1 << bits, dtype=np.int32)
        self._keys[slots[first]] = keys[first]
        self._columns[slots[first]] = values[first]
        late = np.setdiff1d(np.arange(len(keys)), first)
        late = late[keys[late].argsort()]
        self._crowded = np.zeros(1 << bits, dtype=np.bool_)
        self._crowded[slots[late]] = True
        # One more key, higher than any: what is sought is then always before the end.
        self._late_keys: Ints = np.append(keys[late], np.iinfo(np.int64).max)
        self._late_columns: Ints = np.append(values[late], 0)

    def _slots(self, keys: Ints) -> NDArray[np.uint64]:
        return (keys.view(np.uint64) * _MULTIPLIER) >> self._shift

    def find(self, keys: Ints) -> tuple[NDArray[np.bool_], Ints]:
        """Which of the keys are known, and the column of each that is (anything for the others)."""
        slots = self._slots(keys)
        known = self._keys[slots] == keys
        columns = self._columns[slots].astype(np.int64)
        late = np.flatnonzero(self._crowded[slots] & ~known)
        if len(late):
            at = self._late_keys.searchsorted(keys[late])
            known[late] = self._late_keys[at] == keys[late]
            columns[late] = self._late_columns[at]
        return known, columns
