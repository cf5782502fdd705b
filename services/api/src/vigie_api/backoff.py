"""How long to wait before something is tried again."""

from typing import Final

_LONGEST_S: Final = 900.0


def pause_after(attempts: int, base_s: float, chance: float) -> float:
    """Seconds to wait after so many failed attempts: doubled each time up to 15 minutes, then cut by up to a half.

    `chance` in [0, 1) spreads those who failed together (AWS, "Exponential Backoff and Jitter", equal jitter).
    """
    whole = min(_LONGEST_S, base_s * 2.0 ** min(attempts - 1, 30))
    return whole * (0.5 + chance / 2)
