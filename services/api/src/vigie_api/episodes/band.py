"""The band that usual counts stay in: quantiles of the negative binomial."""

from collections.abc import Sequence
from typing import Final

import numpy as np

_LOW: Final = 0.05
_HIGH: Final = 0.95
_LEAST_SPREAD: Final = 1e-6


def band(expected: Sequence[float], spread: Sequence[float]) -> list[tuple[float, float]]:
    """The 5th and the 95th percentile of counts with these means and over-dispersions.

    The variance is mean + spread · mean²; `nbdtrik` inverts the distribution function between whole numbers, which are
    rounded up to the smallest count that reaches the percentile.
    """
    from scipy.special import nbdtrik  # a tenth of what the API imports, and nothing to wait for when it starts

    mean = np.maximum(np.asarray(expected, dtype=float), 1e-9)
    size = 1.0 / np.maximum(np.asarray(spread, dtype=float), _LEAST_SPREAD)
    chance = size / (size + mean)
    low, high = (np.ceil(np.nan_to_num(nbdtrik(level, size, chance)) - 1e-9) for level in (_LOW, _HIGH))
    return list(zip(np.maximum(low, 0.0).tolist(), np.maximum(high, 0.0).tolist(), strict=True))
