"""What is normal for a topic: posts an hour by hour of the day and weekday, the share of negative ones, and how much
both wander by themselves.

Volume is a level times a factor for the hour of the day, one for the weekday and one for the hour of the week; each
factor is the posterior mean of a gamma prior around 1 (an empirical-Bayes shrinkage), so that a day of history gives a
flat and careful picture and a month a sharp one. Old weeks count less. The share of negative posts by hour of the day
is shrunk towards the overall share in the same way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import floor
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vigie_api.watch.counts import BUCKET_S, PER_HOUR

HOURS: Final = 168
_HALF_LIFE_WEEKS: Final = 4.0
_DAY_HOUR_PRIOR: Final = 3.0  # effective posts: a factor for the hour of the day wanders by 1/sqrt(3), 58 %
_WEEKDAY_PRIOR: Final = 25.0
_CELL_PRIOR: Final = 60.0
_SHARE_PRIOR: Final = 60.0
_FIRST_SHARE: Final = (4.0, 10.0)  # before anything was seen: 4 negative posts of 10
_FIRST_RATE: Final = (0.5, 0.25)  # posts and hours
_ALPHA_PRIOR: Final = 0.12
_ALPHA_WEIGHT: Final = 12.0  # hours of evidence that the prior is worth
_WANDER_PRIOR: Final = 0.04
_ALPHA_LEAST: Final = 0.005
_ALPHA_MOST: Final = 1.5
_FADE: Final = 0.995
_CROWD_MOST: Final = 6.0  # crowds come that no wandering explains: soon believe the other posts
_TAME_SD: Final = 4.0

Vector = NDArray[np.float64]


def hour_of_week(bucket: int) -> int:
    """The hour of the week (UTC, 0 to 167) that a bucket lies in; the epoch began on a Thursday."""
    return (bucket // PER_HOUR) % HOURS


class Hour(NamedTuple):
    """What an hour brought, in the cell of its hour of the week; `part` of it is known."""

    cell: int
    posts: float
    negatives: float
    part: float


class Spread(NamedTuple):
    """Sums that give an over-dispersion by moments: the variance beyond Poisson's over the squared mean."""

    excess: float = 0.0
    square: float = 0.0

    def faded(self) -> "Spread":
        """The same, a little of it forgotten."""
        return Spread(self.excess * _FADE, self.square * _FADE)

    def with_hour(self, seen: float, expected: float, known: float, *, most: float) -> "Spread":
        """With one more hour; `known` of its over-dispersion is accounted for."""
        excess = (min(seen, most) - expected) ** 2 - expected - known * expected**2
        return Spread(self.excess + excess, self.square + expected**2)

    def alpha(self, prior: float, weight: float) -> float:
        """The over-dispersion, drawn towards `prior` with the weight of so many squared posts."""
        return float(np.clip((self.excess + prior * weight) / (self.square + weight), _ALPHA_LEAST, _ALPHA_MOST))


def _bound(expected: float, alpha: float) -> float:
    return float(expected + _TAME_SD * np.sqrt(expected + alpha * expected**2) + 2.0)


@dataclass(slots=True)
class Baseline:
    """The learned picture. `learn` takes whole hours, oldest first; `expected` answers for a bucket."""

    posts: Vector = field(default_factory=lambda: np.zeros(HOURS))
    negatives: Vector = field(default_factory=lambda: np.zeros(HOURS))
    hours: Vector = field(default_factory=lambda: np.zeros(HOURS))
    """Hours seen, a cell each, as the posts discounted by age."""
    volume: Spread = field(default_factory=Spread)
    share: Spread = field(default_factory=Spread)
    seen_hours: int = 0
    alpha: float = _ALPHA_PRIOR
    """How much volume wanders: the squared coefficient of variation of an hour's rate around what is expected."""
    wander: float = _WANDER_PRIOR
    """The same of the negatives, once the volume is known from the other posts."""
    rates: Vector = field(default_factory=lambda: np.full(HOURS, _FIRST_RATE[0] / _FIRST_RATE[1]))
    shares: Vector = field(default_factory=lambda: np.full(HOURS, _FIRST_SHARE[0] / _FIRST_SHARE[1]))
    unsure: Vector = field(default_factory=lambda: np.full(HOURS, 1.0 / _DAY_HOUR_PRIOR))
    """The squared coefficient of variation of what is believed of an hour's rate: large on the first days."""

    def learn(self, hour: Hour, *, factor: float) -> None:
        """Take in one hour.

        Args:
            hour: what it brought; holes and episodes are left out of it.
            factor: how much more than usual the day before it brought; what the over-dispersion is measured against.
        """
        cell, posts, negatives, part = hour
        volume = self.rates[cell] * part * factor
        self.volume = self.volume.faded().with_hour(posts, volume, 0.0, most=_bound(volume, self.alpha))
        usual, crowd = self.given_others(
            volume * self.shares[cell], volume * (1 - self.shares[cell]), posts - negatives
        )
        self.share = self.share.faded().with_hour(negatives, usual, crowd - self.wander, most=_bound(usual, crowd))
        most = _bound(volume, self.alpha)
        if posts > most and self.seen_hours > 24:  # a crowd is no new habit
            posts, negatives = most, negatives * most / posts
        self.posts[cell] += posts
        self.negatives[cell] += negatives
        self.hours[cell] += part
        self.seen_hours += 1
        if self.seen_hours % HOURS == 0:
            fade = 0.5 ** (1.0 / _HALF_LIFE_WEEKS)
            self.posts *= fade
            self.negatives *= fade
            self.hours *= fade

    def refresh(self, pending: Iterable[Hour] = ()) -> None:
        """Draw the picture again from what was learned, and from hours that may still change."""
        all_posts, all_negatives, all_hours = self.posts.copy(), self.negatives.copy(), self.hours.copy()
        for hour in pending:
            all_posts[hour.cell] += hour.posts
            all_negatives[hour.cell] += hour.negatives
            all_hours[hour.cell] += hour.part
        count, seen = float(all_posts.sum()), float(all_hours.sum())
        level = (count + _FIRST_RATE[0]) / (seen + _FIRST_RATE[1])
        # An hour of many posts says hardly more of the rate than one of 1/alpha posts does: its rate wanders.
        worth = 1.0 / (1.0 + self.alpha * level)
        posts = (all_posts * worth).reshape(7, 24)
        even = (all_hours * level * worth).reshape(7, 24)
        by_hour, by_day = np.ones(24), np.ones((7, 1))
        for _ in range(2):
            by_hour = (posts.sum(0) + _DAY_HOUR_PRIOR) / ((even * by_day).sum(0) + _DAY_HOUR_PRIOR)
            by_day = ((posts.sum(1) + _WEEKDAY_PRIOR) / ((even * by_hour).sum(1) + _WEEKDAY_PRIOR))[:, None]
        both = by_hour * by_day
        own = (posts + _CELL_PRIOR) / (even * both + _CELL_PRIOR)
        self.rates = (level * both * own).reshape(HOURS)
        self.unsure = np.concatenate([1.0 / (posts.sum(0) + _DAY_HOUR_PRIOR)] * 7)
        share = (float(all_negatives.sum()) + _FIRST_SHARE[0]) / (count + _FIRST_SHARE[1])
        negatives = all_negatives.reshape(7, 24).sum(0)
        everything = all_posts.reshape(7, 24).sum(0)
        self.shares = np.concatenate([(negatives + _SHARE_PRIOR * share) / (everything + _SHARE_PRIOR)] * 7)
        self.alpha = self.volume.alpha(_ALPHA_PRIOR, _ALPHA_WEIGHT * level**2)
        self.wander = self.share.alpha(_WANDER_PRIOR, _ALPHA_WEIGHT * (level * share) ** 2)

    def given_others(
        self, usual: float, usual_others: float, others: float, unsure: float = 0.0
    ) -> tuple[float, float]:
        """What negatives to expect, and their over-dispersion, when so many other posts came.

        The volume's factor is gamma with mean 1 and variance `alpha`; the other posts, Poisson given that factor, make
        its posterior (conjugate): a crowd that brings both kinds of posts raises what is expected of the negative ones.
        """
        size = min(1.0 / (self.alpha + unsure), _CROWD_MOST)
        return usual * (size + others) / (size + usual_others), 1.0 / (size + others) + self.wander

    def expected(self, bucket: int) -> tuple[float, float]:
        """Negative posts and others that a bucket usually brings; between the middles of two hours, in between."""
        position = (bucket * BUCKET_S / 3_600) % HOURS - 0.5
        before = floor(position)
        weight = position - before
        low, high = before % HOURS, (before + 1) % HOURS
        rate = (self.rates.item(low) * (1 - weight) + self.rates.item(high) * weight) / PER_HOUR
        share = self.shares.item(low) * (1 - weight) + self.shares.item(high) * weight
        return rate * share, rate * (1 - share)

    def state(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return {
            "posts": self.posts.tolist(),
            "negatives": self.negatives.tolist(),
            "hours": self.hours.tolist(),
            "rates": self.rates.tolist(),
            "shares": self.shares.tolist(),
            "unsure": self.unsure.tolist(),
            "volume": list(self.volume),
            "share": list(self.share),
            "seen_hours": self.seen_hours,
            "alpha": self.alpha,
            "wander": self.wander,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Baseline":
        """What `state` gave."""

        def vector(name: str) -> Vector:
            return np.array(state[name], dtype=float)

        return cls(
            vector("posts"),
            vector("negatives"),
            vector("hours"),
            Spread(*state["volume"]),
            Spread(*state["share"]),
            state["seen_hours"],
            state["alpha"],
            state["wander"],
            vector("rates"),
            vector("shares"),
            vector("unsure"),
        )
