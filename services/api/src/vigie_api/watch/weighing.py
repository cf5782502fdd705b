"""Weighs what the last hours brought: a surge of negative posts, what is usual, or a crowd?

Windows of a quarter of an hour to more than five hours that end now are asked whether a surge that grows up to now
explains their negative posts better than what is usual does (`rise`), and the answers are averaged. What is usual is
asked twice, without the other posts of the window and with them, and the weaker evidence counts. Should it be enough,
the other posts are asked whether it is a crowd (`crowd`).
"""

from math import inf, log
from typing import Final, NamedTuple

from vigie_api.watch.baseline import Baseline
from vigie_api.watch.crowd import Doubt, apart, compare, with_crowd
from vigie_api.watch.reading import Sensitivity
from vigie_api.watch.rise import RISES, evidence, together
from vigie_api.watch.scan import surprise
from vigie_api.watch.windows import LENGTHS, LONGEST, Windows

_PENALTY: Final = {length: 2.0 * log(LONGEST / length) for length in LENGTHS}
"""Of a squared surprise: short windows are many, chance finds one among them sooner (Dümbgen and Spokoiny 2001)."""
_MOOD: Final = 0.02  # the share of negative posts wanders at least by its root, 14 %
_CROWD_RARITY: Final = 2.0  # logarithm of how much rarer than none a crowd is held to be beforehand
_CROWD_POSSIBLE: Final = -3.0  # of the logarithm of its odds: one to twenty


class Weighed(NamedTuple):
    """The evidence for a surge as a logarithm, and the most surprising window: its length, negatives, expectation.

    `crowded`: there is enough evidence, but it may be a crowd.
    """

    evidence: float
    length: int
    seen: int
    expected: float
    crowded: bool


class _Window(NamedTuple):
    length: int
    seen: float
    expected: float
    others: float
    usual_others: float


NOTHING: Final = Weighed(-inf, 1, 0, 0.0, False)


def weigh(windows: Windows, baseline: Baseline, factor: float, unsure: float, needs: Sensitivity) -> Weighed:
    """What the windows say.

    Args:
        windows: what came, and what was usual.
        baseline: what is known of the topic.
        factor: how much more than usual the last day brought.
        unsure: of the rate of this hour, a squared coefficient of variation.
        needs: below which a window is not worth a look, and which evidence is worth asking for a crowd.
    """
    worth = []
    for length, (seen, others, usual, usual_others) in windows:
        expected = max(usual * factor, 1e-6)
        if seen >= needs.least_count and seen >= needs.least_ratio * expected:
            worth.append(_Window(length, seen, expected, others, usual_others * factor))
    if not worth:
        return NOTHING
    alpha = baseline.alpha + baseline.wander + unsure
    most = max(worth, key=lambda one: surprise(one.seen, one.expected, alpha) ** 2 - _PENALTY[one.length])
    whole = together([_of_window(windows, one, baseline, factor, unsure) for one in worth])
    crowded = False
    if whole >= needs.threshold:
        doubt = Doubt(baseline.alpha + unsure, baseline.wander + _MOOD)
        found = compare(windows, factor, doubt)
        beside = [
            apart(windows, one.length, one.expected / (one.expected + one.usual_others), doubt) - needs.beside_others
            for one in worth
        ]
        crowd = found.crowd - _CROWD_RARITY
        crowded = crowd - together([0.0, found.surge]) > _CROWD_POSSIBLE
        whole = min(whole, with_crowd(together([whole, found.surge]), crowd, beside))
    return Weighed(whole, most.length, round(most.seen), most.expected, crowded)


def _of_window(windows: Windows, window: _Window, baseline: Baseline, factor: float, unsure: float) -> float:
    """For rises over one window: against what is usual, and against what the other posts let expect."""
    length, seen, expected, others, usual_others = window
    alpha = baseline.alpha + baseline.wander + unsure
    given, wander = baseline.given_others(expected, usual_others, others, unsure)
    parts = []
    for rise in RISES[length]:
        fit, added = windows.weighed(rise.weights, rise.added)
        added *= factor
        plain = evidence(fit, added, seen, expected, alpha)
        beside = evidence(fit, added * given / expected, seen, given, wander + _MOOD)
        parts.append(rise.prior + min(plain, beside))
    return together(parts)
