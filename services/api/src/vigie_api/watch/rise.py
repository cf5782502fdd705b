"""The evidence for a rise: how much better counts fit a surge that grows up to now than what is usual.

The rate of a surge is `usual * (1 + size * exp(-age / growth))`, `age` counted back from now: what spreads from one to
the next grows like that, and a filter of its shape sees it sooner than a box does. The rate that is usual wanders by a
gamma factor common to the window, so that the likelihood ratio is that of a negative multinomial: with counts n_i,
usual m_i and added s_i, of sums N, M and S, it is the product of (1 + s_i/m_i)^n_i times ((k + M)/(k + M + S))^(N + k),
k being one over the over-dispersion. Ratios of several growths and sizes are averaged, which keeps the chance of a
false alarm in hand without a correction for their number (a mixture, as in Pollak and Siegmund 1975).
"""

from math import exp, log, log1p
from typing import Final, NamedTuple

from vigie_api.watch.windows import LENGTHS

GROWTH: Final = 0.8  # of a window's length: the rate at its begin is a quarter of what it is now
_SIZES: Final = (1.5, 4.0)


class Rise(NamedTuple):
    """One shape over a window of some length; both lists oldest first, one value a bucket."""

    added: tuple[float, ...]
    """Negative posts that the surge adds for each usual one."""
    weights: tuple[float, ...]
    """What a negative post says for the surge, as a logarithm."""
    prior: float
    """Logarithm of its share of the mixture, as long as its window: of windows that share no bucket a day holds so many
    fewer, and chance finds so much less in them."""


def _rise(length: int, size: float) -> Rise:
    added = tuple(size * exp(-age / (GROWTH * length)) for age in reversed(range(length)))
    whole = len(_SIZES) * sum(LENGTHS)
    return Rise(added, tuple(map(log1p, added)), log(length / whole))


RISES: Final = {length: tuple(_rise(length, size) for size in _SIZES) for length in LENGTHS}
"""The shapes looked for, by the length of the window in buckets."""


def evidence(fit: float, added: float, seen: float, expected: float, alpha: float) -> float:
    """Logarithm of the likelihood ratio of a rise.

    Args:
        fit: sum over the window's negative posts of what each says for the rise.
        added: posts that the rise would add, at least 0.
        seen: negative posts in the window.
        expected: mean under what is normal, above 0.
        alpha: over-dispersion of the usual rate, above 0.
    """
    size = 1.0 / alpha
    return fit - (seen + size) * log1p(added / (size + expected))


def together(logarithms: list[float]) -> float:
    """Logarithm of the sum of what these are logarithms of; at least one of them."""
    most = max(logarithms)
    return most + log(sum(exp(one - most) for one in logarithms))
