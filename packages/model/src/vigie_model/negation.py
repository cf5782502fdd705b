"""Words that a negation reaches: "not good" has no "good" in it.

The few words after a negation are marked, up to the next punctuation, and are then other terms than the same words
without it (Das and Chen, 2001, "Yahoo! for Amazon: extracting market sentiment from stock message boards"; Pang, Lee
and Vaithyanathan, 2002).
"""

from __future__ import annotations

from collections.abc import Sequence

from vigie_model.cleaning import Cleaner
from vigie_model.words import NEGATIONS

NEGATED = "NOT_"
"""Stands before a marked word."""
WIDEST = 20

# A part of `NEGATIONS`: these stand after or around what they deny ("ne … pas"), or mostly deny nothing ("plus").
_REACHES = NEGATIONS - {"plus", "point", "personne", "ne", "ni", "without"}
_CACHED_PIECE = 32  # characters
_CACHE_SIZE = 16_384  # pieces

_ENDS = frozenset([".", ",", ";", ":", "!", "?", "..", "...", "!!", "??", "(", ")", "-", "--"])


def mark_negated(tokens: Sequence[str], span: int, left: int = 0) -> tuple[list[str], int]:
    """The tokens, the first `span` words after each negation marked.

    Args:
        tokens: clean ones, in order.
        left: how many words a negation before them still reaches.

    Returns:
        The tokens, and how many of the words that follow are still reached. Signs and emoticons are never marked;
        punctuation ends the reach.
    """
    out: list[str] = []
    for token in tokens:
        if token in _REACHES:
            left = span
        elif left:
            if token in _ENDS:
                left = 0
            elif any(map(str.isalnum, token)):
                left -= 1
                token = NEGATED + token
        out.append(token)
    return out, left


class Reach:
    """Cuts texts into pieces (runs of characters between white space) that can be remembered one by one, though what
    a piece says depends on the negations before it. Thread-safe; remembers 16,384 pieces at most.
    """

    def __init__(self, cleaner: Cleaner, span: int) -> None:
        self._cleaner = cleaner
        self._span = span
        self._after_a_word = tuple(max(0, left - 1) for left in range(span + 1))
        self._after: dict[str, tuple[int, ...]] = {}  # piece -> words still reached after it, by those before it
        self._quiet: set[str] = set()  # those of them that begin no reach

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text, in order; one that a negation reaches has the number of words left before it."""
        pieces = text.split()
        if self._quiet.issuperset(pieces):  # two texts in three deny nothing
            return pieces
        known = self._after.get
        left = 0
        for at, piece in enumerate(pieces):
            after = known(piece) or self._learn(piece)
            if left:
                pieces[at] = marked(piece, left)
            left = after[left]
        return pieces

    def words(self, piece: str) -> tuple[list[str], Sequence[str], str]:
        """Of a piece that `pieces` gave: its clean tokens, marked; the same unmarked; and the piece as it was."""
        left, _, bare = piece.rpartition(" ")
        tokens = self._cleaner.piece_tokens(bare)
        return mark_negated(tokens, self._span, int(left or 0))[0], tokens, bare

    def after(self, piece: str) -> tuple[int, ...]:
        """How many of the words after a piece are reached, by how many were before it: 0, 1, … `span`."""
        tokens = self._cleaner.piece_tokens(piece)
        if len(tokens) == 1 and tokens[0].isalnum() and tokens[0] not in _REACHES:  # most pieces are a plain word
            return self._after_a_word
        return _after(tokens, self._span)

    def _learn(self, piece: str) -> tuple[int, ...]:
        after = self.after(piece)
        if len(piece) <= _CACHED_PIECE:
            if len(self._after) >= _CACHE_SIZE:
                self._after.clear()
                self._quiet.clear()
            self._after[piece] = after
            if not after[0]:
                self._quiet.add(piece)
        return after


def marked(piece: str, left: int) -> str:
    """What `Reach.pieces` makes of a piece when a negation reaches `left` more words."""
    return f"{left} {piece}" if left else piece


def _after(tokens: Sequence[str], span: int) -> tuple[int, ...]:
    """What `mark_negated` leaves of each reach from 0 to `span`, in one pass."""
    words = 0
    left: int | None = None  # the same for all from the first negation or punctuation on
    for token in tokens:
        if token in _REACHES:
            left = span
        elif token in _ENDS:
            left = 0
        elif any(map(str.isalnum, token)):
            words += 1
            left = None if left is None else max(0, left - 1)
    return tuple(max(0, before - words) if left is None else left for before in range(span + 1))
