"""At most one item of a kind in so many seconds, which stands for those between: the counts stay exact."""

from collections.abc import Hashable

_MAX_KINDS = 1_000


class Sampler:
    """Decides which of many alike is sent. `every_s` 0 sends each.

    Application Insights adds up `itemCount`, which it computes from the sample rate of what it gets: 100 / count.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._kinds: dict[Hashable, list[float]] = {}  # how many since the last one sent, and when the next is due

    def take(self, kind: Hashable, now_s: float, always: bool = False) -> int:
        """How many this one stands for, itself included; 0 when it is not sent. `now_s` is monotonic."""
        state = self._kinds.get(kind)
        if state is None:
            if len(self._kinds) >= _MAX_KINDS:
                return 1
            self._kinds[kind] = [0, now_s + self._every_s]
            return 1
        if now_s < state[1] and not always:
            state[0] += 1
            return 0
        count = int(state[0]) + 1
        state[:] = 0, now_s + self._every_s
        return count
