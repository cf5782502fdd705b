"""What the predictions of one version looked like: counts that can be added up, and no text. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST = 1_000
SCORE_STEPS = 100


@dataclass(slots=True)
class Profile:
    """Counts: by score in steps of 0.01, by length in characters (1,000 and more are one), by language.

    `known_words` of `words` in a sample of the texts were in the vocabulary that travels with the version.
    """

    predictions: int = 0
    scores: Counter[int] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    known_words: int = 0
    words: int = 0

    def add(self, other: "Profile") -> None:
        """Count what the other counted too."""
        self.predictions += other.predictions
        self.scores.update(other.scores)
        self.lengths.update(other.lengths)
        self.languages.update(other.languages)
        self.known_words += other.known_words
        self.words += other.words

    def to_json(self) -> dict[str, Any]:
        """Plain data for the database."""
        return {
            "predictions": self.predictions,
            "scores": {str(step): count for step, count in sorted(self.scores.items())},
            "lengths": {str(length): count for length, count in sorted(self.lengths.items())},
            "languages": dict(sorted(self.languages.items())),
            "known_words": self.known_words,
            "words": self.words,
        }


def profile_from_json(document: Mapping[str, Any]) -> Profile:
    """The profile that `to_json` wrote."""
    return Profile(
        predictions=document["predictions"],
        scores=Counter({int(step): count for step, count in document["scores"].items()}),
        lengths=Counter({int(length): count for length, count in document["lengths"].items()}),
        languages=Counter(document["languages"]),
        known_words=document["known_words"],
        words=document["words"],
    )
