"""What a rule says at the end of a bucket, and how much it takes to say that posts surge."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How much it takes to open an episode. What the defaults give is measured in docs/early-warning.md."""

    threshold: float = 2.3
    """Logarithm of how much likelier a surge must make the posts than what is usual at this hour does."""
    beside_others: float = 1.5
    """What is taken off such a logarithm that compares a surge with a crowd: crowds last, and are asked often."""
    least_ratio: float = 1.8
    """Times the expected negatives."""
    least_count: int = 4
    """Negative posts in the window."""


class Reading(NamedTuple):
    """What the scan says at the end of a bucket, and what the bucket held."""

    bucket: int
    evidence: float
    """For a surge, as the logarithm of a likelihood ratio; minus infinity where no window is worth a look."""
    start: int
    """First bucket of the most surprising window: where the rise seems to begin."""
    seen: int
    """Negative posts in that window."""
    expected: float
    surging: bool
    negatives: int
    total: int
    usual: float
    """Negative posts that are usual in this bucket alone."""
