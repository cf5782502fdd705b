"""How far a share that was measured on some rows may be from the true one."""

import math

_Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def wilson(hits: float, rows: int) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson, 1927): hits among rows, 0 ≤ hits ≤ rows, rows ≥ 1.

    Unlike share ± 1.96 standard errors it stays in [0, 1], and holds on a few hundred rows.
    """
    share = hits / rows
    scale = 1 + _Z**2 / rows
    centre = (share + _Z**2 / (2 * rows)) / scale
    half = _Z * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2)) / scale
    # The share itself is inside; rounding must not put it a hair outside.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
