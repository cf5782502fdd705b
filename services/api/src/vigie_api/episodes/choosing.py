"""Which posts tell an episode: the first ones, and those that look most like it, no two alike. Pure."""

from collections.abc import Sequence
from math import log, sqrt
from typing import Final

from vigie_api.episodes.words import Post, words_of
from vigie_api.watch.duplicates import fingerprints
from vigie_api.watch.terms import Rising

MOST: Final = 5
_ALIKE: Final = 0.5
_FEW_WORDS: Final = 6


def first_posts(posts: Sequence[Post]) -> list[str]:
    """The ids of the first ones."""
    return [post.id for post in sorted(posts, key=lambda one: (one.created_at, one.id))[:MOST]]


def telling_posts(posts: Sequence[Post], terms: Sequence[Rising]) -> list[str]:
    """The ids of those with most of what rose for their length, leaving out what says the same again.

    A term weighs the logarithm of how much it rose. Two posts are alike when they share a fingerprint, or more than
    half of their words (Jaccard index).
    """
    weights = {term.term: log(1.0 + term.lift) for term in terms}
    scored = []
    for post in posts:
        words = words_of(post.text)
        score = sum(weights.get(word, 0.0) for word in words) / sqrt(max(len(words), _FEW_WORDS))
        scored.append((-score, post.created_at, post.id, words, frozenset(fingerprints(post.text))))
    scored.sort(key=lambda one: one[:3])
    chosen: list[str] = []
    kept: list[tuple[set[str], frozenset[int]]] = []
    for _, _, post_id, words, marks in scored:
        if any(marks & others or _jaccard(words, theirs) > _ALIKE for theirs, others in kept):
            continue
        chosen.append(post_id)
        kept.append((words, marks))
        if len(chosen) == MOST:
            break
    return chosen


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
