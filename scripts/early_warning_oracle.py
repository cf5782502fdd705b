"""The best that any rule can do, about: one that knows the rate of every bucket and the shapes of the surges.

It sums the likelihood ratios of surges of many heights and lengths that began at any time before (Shiryaev and
Roberts), each against the true rate: habits, wandering, crowds and holes. All that it does not know is when a surge
begins, and which posts are its own. No rule has that knowledge; what it misses, nobody can see.
"""

import numpy as np

from early_warning_rules import Outcome, false_alarms_a_week, judge, summary
from early_warning_world import DAY, IN_TIME, PER_HOUR, History, Rates

_RISES = (6, 9, 14, 21, 32, 48, 72)
_TIMES = (3.5, 5.0, 7.0, 9.5)
_FALL = 2.5 * PER_HOUR
_APART = 2 * PER_HOUR
_LEAST_RATE = 1e-9


def evidence(history: History) -> Rates:
    """Logarithm of the odds of a surge at the end of each bucket, but for a constant."""
    usual, seen = np.maximum(history.usual, _LEAST_RATE), history.negatives.astype(float)
    length, whole = len(seen), np.full(len(seen), -np.inf)
    for rise in _RISES:
        at_peak = usual[np.minimum(np.arange(length) + rise, length - 1)]
        for times in _TIMES:
            ratio, most = np.zeros(length), (times - 1) * at_peak  # of a surge that begins in each bucket
            for age in range(rise + IN_TIME + 1):
                shape = np.exp(3 * (age / (rise - 1) - 1)) if age < rise else np.exp((rise - age) / _FALL)
                begins, now = slice(0, length - age), slice(age, length)
                added = most[begins] * shape
                ratio = ratio[: length - age] + seen[now] * np.log1p(added / usual[now]) - added
                whole[now] = np.logaddexp(whole[now], ratio)
    return whole


def _openings(found: Rates, threshold: float) -> list[int]:
    opened, last = [], -DAY
    for bucket in np.flatnonzero(found >= threshold).tolist():
        if bucket - last > _APART:
            opened.append(bucket)
        last = bucket
    return opened


def oracle(tuning: list[History], test: list[History], budget: float) -> list[Outcome]:
    """Its outcomes, at the threshold that caught most on the tuning histories within the budget of false alarms.

    All histories are of one rate.
    """
    found = [evidence(history) for history in tuning]
    best, chosen = -1.0, np.inf
    for threshold in np.arange(4.0, 16.0, 0.25):
        outcomes = [
            judge(history, _openings(one, float(threshold))) for history, one in zip(tuning, found, strict=True)
        ]
        if false_alarms_a_week(outcomes) <= budget and (recall := summary(outcomes)["recall"]) > best:
            best, chosen = recall, float(threshold)
    return [judge(history, _openings(evidence(history), chosen)) for history in test]
