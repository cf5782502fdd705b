"""Crowds: many more posts than usual, of the usual mix. They bring negative posts that are no bad buzz.

A crowd multiplies both kinds of posts by `1 + size * exp(-age / growth)`, or by the same all the time; a surge the
negative ones alone. Which of
the two came, the other posts tell: `Crowd` sums, over windows and sizes, how much likelier each makes the posts than
what is usual does. Where a crowd is likely, its size may be anything, so that all that is left to ask is whether the
negative posts are too many *of* the posts: the likelihood ratio of binomial counts, given all posts of each bucket
(`apart`). Both are averaged as likely as the crowd is (`with_crowd`).
"""

from collections.abc import Iterable
from itertools import product
from math import exp, inf, log, log1p
from typing import Final, NamedTuple

from vigie_api.watch.rise import GROWTH, RISES, together
from vigie_api.watch.windows import LENGTHS, Windows

_SIZES: Final = (1.5, 5.0, 20.0)
_WANDERS: Final = 0.1  # at most: a volume that wanders by more is a crowd
_LEAST: Final = 3  # posts in a window
_LEAK: Final = 0.25  # posts of a surge that are called positive, for each that is called negative
_ALL_SEEN, _LEAKING = log(0.7), log(0.3)


class Doubt(NamedTuple):
    """How much what is usual wanders and is unsure: squared coefficients of variation."""

    volume: float
    """Of the posts."""
    share: float
    """Of the negative ones among them."""


class Shape(NamedTuple):
    """A rise over a window, oldest first, one value a bucket."""

    added: tuple[float, ...]
    """Posts that it adds for each usual one."""
    weights: tuple[float, ...]
    """What a post says for it, as a logarithm."""
    prior: float


class Crowd(NamedTuple):
    """Logarithms of how much likelier than the usual rates each makes the posts; minus infinity: no window tells."""

    crowd: float
    surge: float
    """As large as the crowd may be."""


def _shapes(length: int) -> tuple[Shape, ...]:
    rising = tuple(exp(-age / (GROWTH * length)) for age in reversed(range(length)))
    prior = log(length**0.5 / sum(one**0.5 for one in LENGTHS) / (2 * len(_SIZES)))
    found = []
    for size, form in product(_SIZES, (rising, (0.6,) * length)):
        added = tuple(size * part for part in form)
        found.append(Shape(added, tuple(map(log1p, added)), prior))
    return tuple(found)


_SHAPES: Final = {length: _shapes(length) for length in LENGTHS}


class Window(NamedTuple):
    """What came in a window, and what was usual at the level of the last day."""

    negatives: float
    others: float
    usual: float
    usual_others: float

    def ratio(self, fit: float, added: float, other_fit: float, other_added: float, doubt: Doubt) -> float:
        """Logarithm of how much likelier the posts are where so many are added.

        The volume's factor is gamma with variance `doubt.volume`, so that the other posts are negative multinomial;
        these make its posterior, and given them the negative posts are so, too, with the doubt of the share on top.
        """
        known, whole = 1.0 / doubt.volume + self.others, 1.0 / doubt.volume + self.usual_others
        steady, level, wider = 1.0 / (1.0 / known + doubt.share), known / whole, 1.0 + other_added / whole
        more = (steady + (self.usual + added) * level / wider) / (steady + self.usual * level)
        return fit + other_fit - (known + self.negatives) * log(wider) - (self.negatives + steady) * log(more)


def compare(windows: Windows, factor: float, doubt: Doubt) -> Crowd:
    """Weigh a crowd, and a surge without one, against what is usual.

    Args:
        windows: what came, and what was usual.
        factor: how much more than usual the last day brought.
        doubt: of the usual rates.
    """
    doubt = Doubt(min(doubt.volume, _WANDERS), doubt.share)
    crowds, surges = [], []
    for length, (negatives, others, usual, usual_others) in windows:
        if negatives + others < _LEAST:
            continue
        window = Window(negatives, others, factor * usual, factor * usual_others)
        leak = _LEAK * usual / max(usual_others, 1e-6)
        for shape in _SHAPES[length]:
            fit, added = windows.weighed(shape.weights, shape.added)
            surges.append(shape.prior + _ALL_SEEN + window.ratio(fit, factor * added, 0.0, 0.0, doubt))
            if others <= factor * usual_others:
                continue
            other_fit, other_added = windows.others_weighed(shape.weights, shape.added)
            crowds.append(shape.prior + window.ratio(fit, factor * added, other_fit, factor * other_added, doubt))
            part = tuple(leak * one for one in shape.added)
            other_fit, _ = windows.others_weighed(tuple(map(log1p, part)), part)
            leaked = window.ratio(fit, factor * added, other_fit, factor * leak * other_added, doubt)
            surges.append(shape.prior + _LEAKING + leaked)
    return Crowd(together(crowds) if crowds else -inf, together(surges) if surges else -inf)


def apart(windows: Windows, length: int, share: float, doubt: Doubt) -> float:
    """Logarithm of how much likelier a surge makes the negative posts of a window, given all posts of each bucket.

    The share of negative posts wanders: of a quasi-likelihood, the ratio is divided by the over-dispersion.
    """
    posts = windows.posts(length)
    wide = 1.0 + sum(posts) * share * (1.0 - share) * doubt.share
    parts = []
    for rise in RISES[length]:
        fit, _ = windows.weighed(rise.weights, rise.added)
        whole = sum(many * log1p(share * added) for many, added in zip(posts, rise.added, strict=True) if many)
        parts.append(rise.prior + (fit - whole) / wide)
    return together(parts)


def with_crowd(surge: float, crowd: float, beside: Iterable[float]) -> float:
    """The evidence for a surge, where there may be a crowd.

    Args:
        surge: against what is usual.
        crowd: for a crowd, against what is usual, both as logarithms.
        beside: for a surge, against a crowd, by window; one at least.
    """
    return together([surge, crowd + together(list(beside))]) - together([0.0, crowd])
