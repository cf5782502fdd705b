"""Posts about a topic as they might come: habits by hour and weekday, wandering, a trend, holes, and a classifier that
errs; in it surges of negative posts, and crowds that are none.

Everything is drawn from one generator, so that a seed gives the same history again. Counts are by five-minute bucket.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PER_HOUR = 12
DAY = 24 * PER_HOUR
WARM_UP_DAYS = 7
"""Days without an event, that every rule may learn from and that nothing is counted in."""

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """What histories are drawn from; ranges are uniform unless said otherwise."""

    days: int = 35
    share: tuple[float, float] = (0.2, 0.65)
    """Of negative posts among all."""
    habit: tuple[float, float] = (0.3, 0.9)
    """Amplitude of the hour of the day: 0.9 makes the best hour 6 to 10 times the worst."""
    wandering: tuple[float, float] = (0.05, 0.35)
    """Standard deviation of the logarithm of the rate around its habit; it is remembered for half an hour to three."""
    recall: float = 0.85
    """Of the classifier, on negative posts."""
    false_positives: float = 0.12
    """Share of the other posts that the classifier calls negative."""
    rise_h: tuple[float, float] = (0.5, 6.0)
    """Hours from onset to peak, log-uniform."""
    peak: tuple[float, float] = (3.0, 10.0)
    """Times the expected negatives at the peak."""
    events_every_h: float = 60.0
    surges: float = 0.6
    """Share of the events that are surges; the others are crowds that mean no harm."""
    same_mix: float = 0.4
    """Share of the crowds that bring the usual mix of posts; the others are happy: 6 % negative."""


class Surge(NamedTuple):
    """Buckets of its onset, its peak and its end, its height, and the negative posts it adds until it is too late."""

    onset: int
    peak: int
    end: int
    times: float
    extra: int


class Rise(NamedTuple):
    """A surge before its posts are drawn; `more` is what it adds a bucket, from its onset on."""

    onset: int
    peak: int
    end: int
    times: float
    more: Rates


class Crowd(NamedTuple):
    """Buckets from and to, and whether its posts are happy (else: the usual mix)."""

    start: int
    end: int
    happy: bool


class History(NamedTuple):
    """What the classifier said, by bucket, and the truth about it."""

    rate: float
    negatives: Counts
    total: Counts
    surges: list[Surge]
    crowds: list[Crowd]
    usual: Rates
    """Negative posts to expect of each bucket by who knows the topic's habits, its wandering, its crowds and its holes:
    everything but the surges. Only the oracle looks at it."""


IN_TIME = PER_HOUR // 2
"""Buckets after the peak in which a warning still is early."""


def draw(rate: float, world: World, rng: np.random.Generator) -> History:
    """A history of a topic with so many posts an hour."""
    usual, share = _habits(rate, world, rng)
    wander = wandering(len(usual), rng.uniform(*world.wandering), rng.uniform(0.5, 3.0), rng)
    negatives, others = usual * share * wander, usual * (1 - share) * wander
    surges, crowds, added = events(usual, share, world, rng)
    for crowd, more, mix in added:
        part = slice(crowd.start, crowd.end)
        negatives[part] += more * mix
        others[part] += more * (1 - mix)
    true_negatives, true_others = rng.poisson(negatives), rng.poisson(others)
    counted = []
    for onset, peak, end, times, rise in surges:
        extra = rng.poisson(rise)
        true_negatives[onset:end] += extra
        counted.append(Surge(onset, peak, end, times, int(extra[: peak - onset + IN_TIME].sum())))
    seen = rng.binomial(true_negatives, world.recall) + rng.binomial(true_others, world.false_positives)
    total = true_negatives + true_others
    known = negatives * world.recall + others * world.false_positives
    for start, end in holes(len(total), counted, rng):
        seen[start:end] = total[start:end] = known[start:end] = 0
    return History(rate, seen, total, counted, crowds, known)


def _habits(rate: float, world: World, rng: np.random.Generator) -> tuple[Rates, Rates]:
    buckets = np.arange(world.days * DAY)
    hour, weekday = buckets / PER_HOUR % 24, buckets // DAY % 7
    best, amplitude = rng.uniform(0, 24), rng.uniform(*world.habit)
    day, half = 2 * np.pi * (hour - best) / 24, 2 * np.pi * (hour - best - 3) / 12
    by_hour = np.exp(amplitude * (np.cos(day) + 0.3 * np.cos(half)))
    by_day = np.exp(rng.normal(0, 0.15, 7))[weekday]
    trend = np.exp(rng.normal(0, 0.25) * np.linspace(0, 1, len(buckets)))
    usual = rate / PER_HOUR * by_hour / by_hour.mean() * by_day / by_day.mean() * trend
    mood = 0.1 * rng.normal() * np.cos((hour - rng.uniform(0, 24)) / 24 * 2 * np.pi)
    return usual, np.clip(rng.uniform(*world.share) * np.exp(mood), 0.05, 0.8)


def wandering(length: int, deviation: float, memory_h: float, rng: np.random.Generator) -> Rates:
    """A log-normal factor with mean 1 that is remembered for so long (an Ornstein-Uhlenbeck process)."""
    keeps = float(np.exp(-1 / (PER_HOUR * memory_h)))
    steps = (rng.normal(size=length) * np.sqrt(1 - keeps**2)).tolist()
    value, path = float(rng.normal()), []
    for step in steps:
        value = keeps * value + step
        path.append(value)
    return np.asarray(np.exp(deviation * np.array(path) - deviation**2 / 2))


def events(
    usual: Rates, share: Rates, world: World, rng: np.random.Generator, first_day: int = WARM_UP_DAYS
) -> tuple[list[Rise], list[Crowd], list[tuple[Crowd, Rates, Rates]]]:
    """Surges; crowds; and for each crowd the posts that it brings a bucket and the share of negative ones."""
    surges, crowds, added = [], [], []
    at = first_day * DAY + int(rng.integers(0, DAY))
    while at < len(usual) - DAY:
        if rng.random() < world.surges:
            low, high = np.log(world.rise_h)
            rise, fall = int(np.exp(rng.uniform(low, high)) * PER_HOUR), rng.uniform(1, 5) * PER_HOUR
            times = rng.uniform(*world.peak)
            shape = np.concatenate([np.exp(np.linspace(-3, 0, rise)), np.exp(-np.arange(int(4 * fall)) / fall)])
            end, peak = min(at + len(shape), len(usual)), at + rise
            more = shape[: end - at] * (times - 1) * usual[peak] * share[peak]
            surges.append(Rise(at, peak, end, times, more))
        else:
            length, happy = int(rng.uniform(1, 5) * PER_HOUR), bool(rng.random() >= world.same_mix)
            crowd = Crowd(at, at + length, happy)
            part = slice(crowd.start, crowd.end)
            more = (rng.uniform(2, 6) - 1) * usual[part] * np.sin(np.linspace(0, np.pi, length))
            added.append((crowd, more, np.full(length, 0.06) if happy else share[part]))
            crowds.append(crowd)
        at += int(rng.uniform(0.5, 1.5) * world.events_every_h * PER_HOUR)
    return surges, crowds, added


def holes(
    length: int, surges: Sequence[Surge | Rise], rng: np.random.Generator, first_day: int = WARM_UP_DAYS
) -> list[tuple[int, int]]:
    """Times of one to eight hours in which nothing was received; never in a surge."""
    found: list[tuple[int, int]] = []
    for _ in range(length // DAY // 10):
        start = int(rng.uniform(first_day * DAY, length - 8 * PER_HOUR))
        end = start + int(rng.uniform(1, 8) * PER_HOUR)
        if all(end <= surge.onset - 4 * PER_HOUR or start >= surge.end + 4 * PER_HOUR for surge in surges):
            found.append((start, end))
    return found
