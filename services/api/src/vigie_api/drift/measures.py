"""How far two distributions are apart: the population stability index and the Jensen-Shannon distance. Pure.

PSI is the symmetrised Kullback-Leibler divergence (Jeffreys 1946) of binned shares; below 0.1 it is read as stable,
from 0.25 on as a shift to act on: N. Siddiqi, Credit Risk Scorecards, Wiley 2006. What chance alone gives is about
(bins - 1) · (1/n + 1/m) for samples of n and m (B. Yurdakul, Statistical Properties of Population Stability Index,
2018): 0.045 for ten bins and 200 predictions, hence the fewest predictions a day is judged by. The Jensen-Shannon
distance is the square root of the divergence of J. Lin (IEEE Trans. Inf. Theory 37, 1991) in base 2: a metric, from 0
to 1.
"""

import math
from collections.abc import Sequence

SMALLEST_SHARE = 1e-4
"""An empty bin counts as this share in PSI: its logarithm would be infinite."""


def shares_of(counts: Sequence[float]) -> list[float]:
    """Counts as shares of their sum. Raises ValueError when there is nothing, or less than nothing, to share."""
    total = math.fsum(counts)
    if not total > 0 or min(counts) < 0:
        raise ValueError("no shares without a positive sum")
    return [count / total for count in counts]


def psi(expected: Sequence[float], actual: Sequence[float]) -> float:
    """The population stability index of two lists of shares or counts, bin by bin: 0 when equal, no upper bound.

    Raises ValueError when they have not the same bins, or one of them is empty.
    """
    return math.fsum(
        (new - old) * math.log(new / old)
        for old, new in zip(map(_not_empty, shares_of(expected)), map(_not_empty, shares_of(actual)), strict=True)
    )


def _not_empty(share: float) -> float:
    return max(share, SMALLEST_SHARE)


def jensen_shannon(expected: Sequence[float], actual: Sequence[float]) -> float:
    """The Jensen-Shannon distance of two lists of shares or counts: 0 when equal, 1 when they have nothing in common.

    Raises ValueError when they have not the same bins, or one of them is empty.
    """
    divergence = 0.0
    for old, new in zip(shares_of(expected), shares_of(actual), strict=True):
        middle = (old + new) / 2
        divergence += sum(share * math.log2(share / middle) / 2 for share in (old, new) if share > 0 and middle > 0)
    return math.sqrt(min(1.0, max(0.0, divergence)))
