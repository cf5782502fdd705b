"""Runs a rule over a history as the watch does, and says what it caught, how soon, and what it cried about in vain."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from early_warning_world import DAY, IN_TIME, PER_HOUR, WARM_UP_DAYS, History
from vigie_api.watch.detector import TopicDetector
from vigie_api.watch.episodes import Step, Tracker
from vigie_api.watch.reading import Sensitivity
from vigie_api.watch.rules import Fixed, Meltwater, Rule, ShareDip, Sigma

MISSED_H = 6.0
_AFTER = 2 * PER_HOUR
Maker = Callable[[float], Rule]
"""Makes a rule for a topic of so many posts an hour."""


class Outcome(NamedTuple):
    """Of one history: what became of each surge, and the false alarms."""

    rate: float
    caught: list[bool]
    """Before the peak, or within half an hour after it."""
    delay_h: list[float]
    """From the onset; six hours when it was missed, or seen later than that."""
    extra: list[int]
    """Negative posts that each surge added until it was too late to catch it."""
    true_alarms: int
    false_alarms: int
    in_crowds: int
    """False alarms in crowds that bring the usual mix of posts, or happy ones."""
    in_happy_crowds: int
    weeks: float


def _vigie(_rate: float) -> Rule:
    return TopicDetector(Sensitivity())


def _meltwater(_rate: float, ratio: float) -> Rule:
    return Meltwater(ratio=ratio)


def _sigma(_rate: float, k: float) -> Rule:
    return Sigma(k=k)


def _fixed(rate: float, times: float) -> Rule:
    return Fixed(least=max(3, round(times * rate * 0.43)))  # 0.43: about the mean share of what is called negative


def _share(_rate: float, dip: float) -> Rule:
    return ShareDip(dip=dip)


VIGIE = "Vigie"
CANDIDATES: dict[str, list[tuple[str, Maker]]] = {
    VIGIE: [("default", _vigie)],
    "last hour / 12 hours (Meltwater)": [
        (f"ratio {ratio:g}", partial(_meltwater, ratio=ratio)) for ratio in (1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0)
    ],
    "24 h mean over 7 d mean + k sigma": [(f"k {k:g}", partial(_sigma, k=k)) for k in (0.25, 0.5, 1.0, 1.5, 2.0)],
    "fixed number an hour": [
        (f"{times:g} x the mean", partial(_fixed, times=times)) for times in (1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
    ],
    "dip of the share": [(f"dip {dip:g}", partial(_share, dip=dip)) for dip in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)],
}
"""The settings that each rule may be tuned to."""


def openings(rule: Rule, history: History) -> list[int]:
    """The buckets at whose end an episode opens."""
    tracker, opened = Tracker(), []
    rule.add(0, negative=False, posts=0)
    for bucket, (negatives, total) in enumerate(zip(history.negatives.tolist(), history.total.tolist(), strict=True)):
        if total:
            rule.add(bucket, negative=True, posts=negatives)
            rule.add(bucket, negative=False, posts=total - negatives)
        for reading in rule.close(bucket + 1):
            if tracker.follow(reading) is Step.OPENED:
                opened.append(reading.bucket)
            rule.outside = tracker.is_open
    return opened


def judge(history: History, opened: list[int], first_day: int = WARM_UP_DAYS) -> Outcome:
    """Compare openings with the truth; the days before `first_day` count for nothing."""
    opened = [bucket for bucket in opened if bucket >= first_day * DAY]
    caught, delays = [], []
    true = set()
    for surge in history.surges:
        hits = [bucket for bucket in opened if surge.onset <= bucket <= surge.end + _AFTER]
        true.update(hits)
        delay = (hits[0] + 1 - surge.onset) / PER_HOUR if hits else MISSED_H
        caught.append(bool(hits) and hits[0] <= surge.peak + IN_TIME)
        delays.append(min(delay, MISSED_H))
    false = [bucket for bucket in opened if bucket not in true]

    def inside(*, happy: bool) -> int:
        crowds = [crowd for crowd in history.crowds if crowd.happy is happy]
        return sum(any(crowd.start <= bucket <= crowd.end + PER_HOUR for crowd in crowds) for bucket in false)

    weeks = (len(history.total) / DAY - first_day) / 7
    extra = [surge.extra for surge in history.surges]
    happy = inside(happy=True)
    return Outcome(
        history.rate, caught, delays, extra, len(true), len(false), inside(happy=False) + happy, happy, weeks
    )


def false_alarms_a_week(outcomes: list[Outcome]) -> float:
    """False alarms for each week of a topic."""
    return float(sum(o.false_alarms for o in outcomes) / sum(o.weeks for o in outcomes))


def summary(outcomes: list[Outcome], least_extra: int = 0) -> dict[str, float]:
    """The measures over several histories; recall and delay of surges that added so many posts at least."""
    picked = [
        (caught, delay)
        for o in outcomes
        for caught, delay, extra in zip(o.caught, o.delay_h, o.extra, strict=True)
        if extra >= least_extra
    ]
    alarms = sum(o.true_alarms + o.false_alarms for o in outcomes)
    return {
        "recall": float(np.mean([caught for caught, _ in picked])) if picked else float("nan"),
        "delay_h": float(np.mean([delay for _, delay in picked])) if picked else float("nan"),
        "precision": sum(o.true_alarms for o in outcomes) / alarms if alarms else 1.0,
        "false_alarms": false_alarms_a_week(outcomes),
    }
