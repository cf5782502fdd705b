"""How many posts came when: five-minute buckets of one topic, kept for as long as they may still change or matter."""

from dataclasses import dataclass, field
from typing import Final

BUCKET_S: Final = 300
PER_HOUR: Final = 3_600 // BUCKET_S


def bucket_of(at_s: float) -> int:
    """The number of the bucket that holds a time (seconds since 1970, UTC)."""
    return int(at_s // BUCKET_S)


@dataclass(slots=True)
class Bucket:
    """What one bucket holds. Counts are of posts after duplicates were left out."""

    negatives: int = 0
    total: int = 0

    @property
    def positives(self) -> int:
        """Posts that are not negative."""
        return self.total - self.negatives


_EMPTY: Final = Bucket()


@dataclass(slots=True)
class Counts:
    """The recent buckets of a topic. A bucket without an entry is empty."""

    buckets: dict[int, Bucket] = field(default_factory=dict)

    def add(self, bucket: int, *, negative: bool, posts: int = 1) -> None:
        """Count posts of one kind."""
        found = self.buckets.get(bucket)
        if found is None:
            found = self.buckets[bucket] = Bucket()
        found.total += posts
        if negative:
            found.negatives += posts

    def at(self, bucket: int) -> Bucket:
        """A bucket; an empty one that must not be changed when nothing came."""
        return self.buckets.get(bucket, _EMPTY)

    def forget_before(self, bucket: int) -> None:
        """Let go of what is older."""
        for old in [number for number in self.buckets if number < bucket]:
            del self.buckets[old]
