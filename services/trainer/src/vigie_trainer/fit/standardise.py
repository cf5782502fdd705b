"""Columns of mean 0 and standard deviation 1, for fitting; folded into the weights afterwards, so that the runtime
need not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Standard:
    """The mean and standard deviation of each column of a matrix."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, matrix: NDArray[np.float32]) -> Standard:
        """Those of the matrix; a constant column has the deviation 1."""
        mean = matrix.mean(axis=0, dtype=np.float64)
        deviation = matrix.std(axis=0, dtype=np.float64)
        # Rounding gives a constant column a deviation just above 0, by which nothing must be divided.
        constant = deviation <= 1e-6 * np.maximum(1e-6, np.abs(mean))
        return cls(mean, np.where(constant, 1.0, deviation))

    def apply(self, matrix: NDArray[np.float32], dtype: type[np.floating[Any]]) -> NDArray[Any]:
        """The standardised matrix, a new one."""
        rows = np.subtract(matrix, self.mean.astype(dtype), dtype=dtype)
        rows /= self.deviation.astype(dtype)
        return rows

    def folded(self, weights: NDArray[np.float64], intercept: float) -> tuple[NDArray[np.float64], float]:
        """The weights and intercept that give on plain rows what these give on standardised ones."""
        plain = weights / self.deviation
        return plain, intercept - float(plain @ self.mean)
