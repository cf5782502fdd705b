"""What is known of one challenger beside one champion: agreement, shift of the score, latency."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from vigie_api.shadow.schema import LatencyOut, ShadowLatency
from vigie_api.shadow.table import Tally

_LATEST = 1_000


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank); values sorted, not empty."""
    rank = max(1, -int(-len(sorted_values) * share // 1))  # the ceiling
    return sorted_values[rank - 1]


@dataclass(slots=True)
class Comparison:
    """One challenger beside one champion. `before`: what was kept of it before this process began to compare."""

    challenger: str
    champion: str
    before: Tally | None = None
    own: Tally = field(default_factory=lambda: Tally(0, 0, 0.0))
    champion_s: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST))
    challenger_s: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST))

    def add(self, agrees: bool, shift: float) -> None:
        """One more opinion."""
        scored, agreed, total = self.own
        self.own = Tally(scored + 1, agreed + agrees, total + shift)

    @property
    def total(self) -> Tally:
        """Everything that was said, here and before."""
        if self.before is None:
            return self.own
        own, before = self.own, self.before
        return Tally(own.scored + before.scored, own.agreed + before.agreed, own.shift + before.shift)

    @property
    def mean_shift(self) -> float | None:
        """The challenger's score less the champion's, on average; None before the first opinion."""
        total = self.total
        return total.shift / total.scored if total.scored else None

    @property
    def agreement(self) -> float | None:
        """Share of the texts that both give the same sentiment; None before the first opinion."""
        total = self.total
        return total.agreed / total.scored if total.scored else None

    def latency(self) -> ShadowLatency:
        """Milliseconds a text over the latest thousand texts, each model alone in the same thread."""
        return ShadowLatency(champion=_latency(self.champion_s), challenger=_latency(self.challenger_s))


def _latency(seconds: Sequence[float]) -> LatencyOut:
    if not seconds:
        return LatencyOut(p50=None, p95=None)
    ordered = sorted(seconds)
    return LatencyOut(p50=round(percentile(ordered, 0.50) * 1_000, 4), p95=round(percentile(ordered, 0.95) * 1_000, 4))
