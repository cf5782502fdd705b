"""The test statistic: is a count too high for what is expected, given that rates wander by themselves?

Counts are negative binomial: variance mu + alpha mu^2, so that `alpha` is the squared coefficient of variation of the
rate. The signed root of the log-likelihood ratio is close to standard normal even for small counts
(Barndorff-Nielsen 1986), and is one logarithm or two instead of a tail sum.
"""

from math import log, sqrt


def surprise(count: float, expected: float, alpha: float) -> float:
    """How many standard deviations `count` lies above `expected`: the signed root of the likelihood ratio.

    Args:
        count: observed; half of one is taken off it (continuity correction).
        expected: mean under what is normal, above 0.
        alpha: over-dispersion, at least 0 (0: Poisson).
    """
    seen = count - 0.5
    if seen <= expected:
        return 0.0
    if alpha < 1e-9:
        ratio = seen * log(seen / expected) - (seen - expected)
    else:
        size = 1.0 / alpha
        ratio = seen * log(seen / expected) - (seen + size) * log((seen + size) / (expected + size))
    return sqrt(2.0 * max(ratio, 0.0))
