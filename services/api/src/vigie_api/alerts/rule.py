"""The misprediction rule, pure: it is given verdicts and times, and touches no clock and no database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Wrong:
    """A prediction that counts as wrong now, and when the server received that verdict."""

    prediction_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """How many wrong verdicts in less than how many seconds make an alert, and how long it takes in what follows."""

    count: int = 3
    window_s: float = 300.0
    cooldown_s: float = 3_600.0

    @property
    def window(self) -> timedelta:
        """The span that the first and the last verdict of a burst stay below."""
        return timedelta(seconds=self.window_s)

    @property
    def cooldown(self) -> timedelta:
        """How long after its opening an alert takes in further wrong verdicts."""
        return timedelta(seconds=self.cooldown_s)

    @property
    def reach_back(self) -> timedelta:
        """How long before its opening an alert takes in verdicts that reach the database late, from a spool."""
        return max(self.window, self.cooldown)


W = TypeVar("W", bound=Wrong)


def burst(wrong: Iterable[W], policy: Policy, *, holding: str | None = None) -> tuple[W, ...] | None:
    """The earliest `policy.count` predictions with less than `policy.window_s` between the first and the last verdict.

    Several verdicts on one prediction count once, at the latest. With `holding`, only a burst with that prediction in
    it is wanted: any other was seen when its own last verdict came. None: no such burst.
    """
    latest: dict[str, W] = {}
    for verdict in wrong:
        known = latest.get(verdict.prediction_id)
        if known is None or known.received_at < verdict.received_at:
            latest[verdict.prediction_id] = verdict
    ordered = sorted(latest.values(), key=lambda verdict: (verdict.received_at, verdict.prediction_id))
    for start in range(len(ordered) - policy.count + 1):
        run = ordered[start : start + policy.count]
        near = run[-1].received_at - run[0].received_at < policy.window
        if near and (holding is None or any(verdict.prediction_id == holding for verdict in run)):
            return tuple(run)
    return None


def taking_in(opened: Sequence[datetime], received_at: datetime, policy: Policy) -> int | None:
    """Which of the alerts opened at these times takes in a wrong verdict received then; None: it may start another.

    The latest that was open already, within its cooldown. Else the first to open soon after: the verdict came before
    it and was written later. An alert opened at the verdict's own time is not before it.
    """
    earlier = [at for at in opened if at <= received_at < at + policy.cooldown]
    if earlier:
        return opened.index(max(earlier))
    later = [at for at in opened if received_at < at < received_at + policy.reach_back]
    return opened.index(min(later)) if later else None
