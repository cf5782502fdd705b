"""A token bucket for each key: https://en.wikipedia.org/wiki/Token_bucket."""

import math

from vigie_api.problem import Problem


class RateLimited(Problem):
    """The key has used up its minute."""

    status = 429
    slug = "rate-limited"
    title = "Too many requests"


class RateLimit:
    """At most `per_minute` calls a minute for each name, in bursts of up to a minute's worth. 0 is no limit."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: dict[str, tuple[float, float]] = {}  # name -> tokens left, second of the last call

    def take(self, name: str, now_s: float) -> None:
        """Count one call at `now_s` (any monotonic clock, in seconds). Raises RateLimited with Retry-After."""
        if not self.per_minute:
            return
        per_second = self.per_minute / 60
        tokens, last_s = self._buckets.get(name, (float(self.per_minute), now_s))
        tokens = min(self.per_minute, tokens + max(0.0, now_s - last_s) * per_second)
        if tokens < 1:
            self._buckets[name] = (tokens, now_s)
            wait_s = math.ceil((1 - tokens) / per_second)
            raise RateLimited(
                f"This key may make {self.per_minute} requests a minute. Wait {wait_s} s, or send texts in batches.",
                headers={"Retry-After": str(wait_s)},
            )
        self._buckets[name] = (tokens - 1, now_s)
