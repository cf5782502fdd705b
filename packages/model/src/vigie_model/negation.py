"""Words that a negation reaches: "not good" has no "good" in it.

The few words after a negation are marked, up to the next punctuation, and are then other terms than the same words
without it (Das and Chen, 2001, "Yahoo! for Amazon: extracting market sentiment from stock message boards"; Pang, Lee
and Vaithyanathan, 2002).
"""

from __future__ import annotations

from collections.abc import Sequence

from vigie_model.words import NEGATIONS

NEGATED = "NOT_"
"""Stands before a marked word."""
WIDEST = 20

# A part of `NEGATIONS`: these stand after or around what they deny ("ne … pas"), or mostly deny nothing ("plus").
_REACHES = NEGATIONS - {"plus", "point", "personne", "ne", "ni", "without"}
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
