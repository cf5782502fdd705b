"""What people say of false alarms, turned into how much it takes to alarm them again."""

from dataclasses import replace
from typing import Final

from vigie_api.watch.reading import Sensitivity

_STEP: Final = 1.15
_MOST: Final = 4
"""False alarms that count: 1.15⁴ is 1.75 times the usual surprise. With more, a topic would hardly be watched."""


def sensitivity_after(false_alarms: int) -> Sensitivity:
    """The sensitivity of a topic with so many episodes that are called false alarms."""
    usual = Sensitivity()
    factor = _STEP ** min(false_alarms, _MOST)
    return replace(usual, threshold=usual.threshold * factor, beside_others=usual.beside_others * factor)
