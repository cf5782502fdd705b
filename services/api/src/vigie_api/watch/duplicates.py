"""Posts that count once: near-copies within hours, and one author posting again and again.

Two posts are near-copies when, without addresses, mentions, digits and punctuation, they begin or end with the same
eight words. Texts of fewer than five words ("thanks a lot") are nobody's copy: different people write them. And who
passes another's post on ("RT @…") is one more person who says it, as long as the author is known: of that is a bad buzz
made. The same text by many accounts that name nobody is a flood, and counts once.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Any, Final

from vigie_api.watch.counts import PER_HOUR

WITHIN: Final = 6 * PER_HOUR
"""Buckets after which a copy is a post again."""
_ENDS: Final = 8
_LEAST: Final = 5
# Addresses and mentions match without a word in the group.
_WORDS: Final = re.compile(r"(?:https?://\S+|www\.\S+|@\w+|&\w+;)|([^\W\d_]+)")
_PASSED_ON: Final = re.compile(r"\b(?:RT|rt) @\w|^\s*[\"“”]@\w")
_QUOTES: Final = ('"', "“", "”")
_TIDY: Final = 3 * PER_HOUR


def fingerprints(text: str) -> tuple[int, ...]:
    """What near-copies share at least one of; nothing for a text that is too short to be a copy."""
    words: list[str] = []
    for token in text.lower().split():
        if token.isalpha():  # most are: five times as fast as the expression
            words.append(token)
        else:
            words.extend(filter(None, _WORDS.findall(token)))
    if words and words[0] == "rt":
        del words[0]
    if len(words) < _LEAST:
        return ()
    if len(words) <= _ENDS:
        return (_digest(" ".join(words)),)
    return _digest(" ".join(words[:_ENDS])), _digest(" ".join(words[-_ENDS:]))


def _digest(words: str) -> int:
    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), "little")


def author_key(author: str, secret: bytes) -> int:
    """The author as a keyed hash: enough to count once, of no use to whoever lacks the key."""
    return int.from_bytes(hmac.digest(secret, author.casefold().encode(), "sha256")[:8], "little")


def passing_key(author: str, secret: bytes) -> int:
    """The same for a run that keeps nothing: three times as fast."""
    return int.from_bytes(hashlib.blake2b(author.casefold().encode(), key=secret, digest_size=8).digest(), "little")


def marks_of(text: str, author: int | None) -> tuple[int, ...]:
    """What a post shares with those that it is a copy of, and with its author's others; `author` is a keyed hash."""
    if author is None:
        return fingerprints(text)
    if ("RT @" in text or "rt @" in text or text.lstrip()[:1] in _QUOTES) and _PASSED_ON.search(text):
        return (author,)
    return (*fingerprints(text), author)


@dataclass(slots=True)
class Seen:
    """What one topic counted lately. `last` maps a fingerprint or an author to the bucket of the post that counted."""

    last: dict[int, int] = field(default_factory=dict)
    _tidied: int = 0

    def is_new(self, marks: tuple[int, ...], bucket: int) -> bool:
        """Whether a post with these marks counts; one that does is remembered.

        A flood of one text that goes on for a day so counts every six hours, and no more.
        """
        last = self.last
        for mark in marks:
            if mark in last and abs(bucket - last[mark]) <= WITHIN:
                return False
        for mark in marks:
            if mark not in last or last[mark] <= bucket:
                last[mark] = bucket
        if bucket - self._tidied >= _TIDY:
            self._tidied = bucket
            self.last = {mark: at for mark, at in last.items() if bucket - at <= WITHIN}
        return True

    def state(self) -> dict[str, Any]:
        """As JSON takes it: fingerprints as text, for they have more bits than its numbers."""
        return {"last": [[str(mark), at] for mark, at in self.last.items()], "tidied": self._tidied}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Seen":
        """What `state` gave."""
        return cls({int(mark): at for mark, at in state["last"]}, state["tidied"])
