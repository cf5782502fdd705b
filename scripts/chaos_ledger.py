"""What was promised against what there is: verdicts, mentions and e-mails, after a fault. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass
class Acknowledged:
    """What the API answered 2xx for: the prediction that each verdict is about, and the id of each mention."""

    verdicts: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Stored:
    """What the database holds, how often, and what the mail server took."""

    verdicts: Mapping[str, int]
    """Rows that count, by prediction."""
    mentions: Mapping[str, int]
    """Rows, by id at the source."""
    judged: Collection[str]
    """Mentions that have a prediction."""
    letters_due: Collection[str]
    """Message-IDs that the outbox was to send."""
    letters_taken: Mapping[str, int]
    """Message-IDs that the mail server took, and how often."""
    counted: int = 0
    """Mentions that the database says were counted for the watch."""
    watched: int = 0
    """Mentions in the watch's counts."""


@dataclass(frozen=True)
class Balance:
    """The difference. All but the letters that are excused should be nought."""

    verdicts_lost: int
    verdicts_doubled: int
    mentions_lost: int
    mentions_doubled: int
    mentions_not_judged: int
    emails_lost: int
    emails_doubled: int
    emails_excused: int

    @property
    def complete(self) -> bool:
        """Whether everything that was promised is there and done. What came twice does not become undone."""
        return not (self.verdicts_lost or self.mentions_lost or self.mentions_not_judged or self.emails_lost)


def compare(promised: Acknowledged, stored: Stored, excused: Collection[str] = ()) -> Balance:
    """The balance. `excused`: Message-IDs whose sender was killed between the mail server's 250 and its mark.

    A mention is doubled when it has two rows, or was counted twice for the watch.
    """
    twice = {letter for letter, times in stored.letters_taken.items() if times > 1}
    return Balance(
        verdicts_lost=len(promised.verdicts - stored.verdicts.keys()),
        verdicts_doubled=_beyond_one(stored.verdicts),
        mentions_lost=len(promised.mentions - stored.mentions.keys()),
        mentions_doubled=_beyond_one(stored.mentions) + max(0, stored.watched - stored.counted),
        mentions_not_judged=len((promised.mentions & stored.mentions.keys()) - set(stored.judged)),
        emails_lost=len(set(stored.letters_due) - stored.letters_taken.keys()),
        emails_doubled=len(twice - set(excused)),
        emails_excused=len(twice & set(excused)),
    )


def _beyond_one(times: Mapping[str, int]) -> int:
    return sum(Counter(times).values()) - len(times)
