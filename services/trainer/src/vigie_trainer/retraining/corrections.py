"""From verdicts to labelled posts: which count, which contradict each other, which are set aside. Pure."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vigie_trainer.data.reading import MAX_TEXT_CHARACTERS
from vigie_trainer.data.rows import rows_digest, text_key

LABELS = {"negative": 0, "positive": 1}
OPPOSITE = {"negative": "positive", "positive": "negative"}
# Why a verdict is set aside, in the words of a report.
REASONS = {
    "no_text": "its text is not known",
    "no_label": "its right sentiment is not known",
    "too_long": "text over the length limit",
    "not_readable": "not a verdict as the API writes them",
    "superseded": "a later verdict on the same text counts",
    "in_test_set": "its text is in a test set",
}
_CONFLICTS_TOLD = 200


@dataclass(frozen=True, slots=True)
class Correction:
    """A post with the sentiment that a person gave it.

    Attributes:
        label: 0 negative, 1 positive.
        at: when the API received the verdict.
        predicted: what the model had said; None when it is not known.
    """

    text: str
    label: int
    at: datetime
    predicted: str | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A text that people labelled both ways; the latest verdict counts."""

    text: str
    negative: int
    positive: int
    kept: str

    def document(self) -> dict[str, Any]:
        """What a report shows."""
        return {"text": self.text, "negative": self.negative, "positive": self.positive, "kept": self.kept}


@dataclass(frozen=True)
class Merged:
    """What a pull of verdicts comes to.

    Attributes:
        corrections: one a text, oldest verdict first.
        pulled: verdicts read; each is in `corrections` or `set_aside`.
        conflicts: most contradicted first.
        set_aside: reason -> verdicts.
    """

    corrections: tuple[Correction, ...]
    pulled: int
    conflicts: tuple[Conflict, ...]
    set_aside: dict[str, int]

    @property
    def digest(self) -> str:
        """SHA-256 of the labelled texts in order."""
        return rows_digest([one.text for one in self.corrections], [one.label for one in self.corrections])

    def document(self) -> dict[str, Any]:
        """What --json shows of it."""
        return {
            "pulled": self.pulled,
            "used": len(self.corrections),
            "conflicts": len(self.conflicts),
            "set_aside": dict(self.set_aside),
        }

    def conflicts_told(self) -> list[dict[str, Any]]:
        """The first conflicts, as a report lists them."""
        return [one.document() for one in self.conflicts[:_CONFLICTS_TOLD]]


def merge(verdicts: Iterable[Mapping[str, Any]], test_texts: Collection[str] = ()) -> Merged:
    """Make one labelled post of all verdicts on the same text: the latest one counts.

    Args:
        verdicts: as `GET /v1/feedback` exports them, in any order; the same id twice counts once.
        test_texts: keys (`text_key`) of texts that must not be learned from.
    """
    seen: set[str] = set()
    pulled = 0
    aside: dict[str, int] = {}
    by_text: dict[str, list[Correction]] = {}
    for verdict in verdicts:
        name = str(verdict.get("id") or hashlib.sha256(json.dumps(dict(verdict), sort_keys=True).encode()).hexdigest())
        if name in seen:
            continue
        seen.add(name)
        pulled += 1
        correction = _correction(verdict)
        if isinstance(correction, str):
            aside[correction] = aside.get(correction, 0) + 1
        else:
            by_text.setdefault(text_key(correction.text), []).append(correction)
    latest: list[Correction] = []
    conflicts: list[Conflict] = []
    for key, ours in by_text.items():
        if key in test_texts:
            aside["in_test_set"] = aside.get("in_test_set", 0) + len(ours)
            continue
        # Equal times are settled by the text and label, so that the order of the export does not matter.
        last = max(ours, key=_age)
        latest.append(last)
        if len(ours) > 1:
            aside["superseded"] = aside.get("superseded", 0) + len(ours) - 1
        positive = sum(one.label for one in ours)
        if 0 < positive < len(ours):
            conflicts.append(Conflict(last.text, len(ours) - positive, positive, _sentiment(last.label)))
    conflicts.sort(key=lambda one: (-min(one.negative, one.positive), one.text))
    return Merged(tuple(sorted(latest, key=_age)), pulled, tuple(conflicts), aside)


def by_time(
    corrections: tuple[Correction, ...], share: float, fewest: int
) -> tuple[tuple[Correction, ...], tuple[Correction, ...]]:
    """Those to learn from and the newest ones, held out: a share of them, `fewest` or more.

    None are held out when fewer than twice `fewest` are there: then every one is needed to learn from.
    """
    held_out = 0 if share == 0 or len(corrections) < 2 * fewest else max(fewest, round(share * len(corrections)))
    return corrections[: len(corrections) - held_out], corrections[len(corrections) - held_out :]


def _correction(verdict: Mapping[str, Any]) -> Correction | str:
    """The labelled post of a verdict, or the reason why there is none."""
    text, said, predicted = verdict.get("text"), verdict.get("correction"), verdict.get("sentiment")
    if not isinstance(text, str) or not text.strip():
        return "no_text"
    if len(text) > MAX_TEXT_CHARACTERS:
        return "too_long"
    if said is None and predicted in LABELS:
        said = {"correct": predicted, "wrong": OPPOSITE[predicted]}.get(str(verdict.get("verdict")))
    if said not in LABELS:
        return "no_label"
    try:
        at = datetime.fromisoformat(str(verdict.get("received_at")))
    except ValueError:
        return "not_readable"
    if at.tzinfo is None:
        return "not_readable"
    return Correction(text, LABELS[said], at, predicted if predicted in LABELS else None)


def _age(correction: Correction) -> tuple[datetime, str, int]:
    return correction.at, correction.text, correction.label


def _sentiment(label: int) -> str:
    return "positive" if label else "negative"
