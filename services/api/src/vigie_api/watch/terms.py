"""The words that rose: those of an episode's negative posts against the topic's usual ones.

The score of a term is the log-odds ratio with an informative Dirichlet prior, over its standard deviation (Monroe,
Colaresi and Quinn 2008, "Fightin' Words", equations 16 and 22); the prior is the usual posts' own frequencies.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Final

from vigie_model.words import STOP_WORDS

_MOST_TERMS: Final = 8_000
_FADE: Final = 0.5
_PRIOR: Final = 200.0
_LEAST_COUNT: Final = 3
_MOST_LIFT: Final = 100.0
_TERM: Final = re.compile(r"#?[^\W\d_][\w'’-]{2,30}")
_ADDRESS: Final = re.compile(r"https?://\S+|@\w+|&\w+;")


def terms_of(text: str) -> set[str]:
    """The words of a text, each once: three letters or more, hashtags with their sign, no mentions or addresses."""
    return set(_TERM.findall(_ADDRESS.sub(" ", text.lower())))


@dataclass(slots=True)
class Usual:
    """How often terms occur in the usual posts of a topic: a bounded table in which old posts fade."""

    counts: Counter[str] = field(default_factory=Counter)
    posts: float = 0.0

    def add(self, text: str) -> None:
        """Take in a post."""
        self.posts += 1
        self.counts.update(terms_of(text))
        if len(self.counts) > _MOST_TERMS:
            # The rare ones go, and what is left weighs less: both keep the table small and recent.
            kept = self.counts.most_common(_MOST_TERMS // 2)
            self.counts = Counter({term: count * _FADE for term, count in kept})
            self.posts *= _FADE


@dataclass(frozen=True, slots=True)
class Rising:
    """A term that rose: posts of the episode with it, and how many times as frequent as usual it is (at most 100)."""

    term: str
    count: int
    lift: float


def rising_terms(episode: Counter[str], posts: int, usual: Usual, most: int = 8) -> list[Rising]:
    """The terms that rose most, the most telling first; fewer than `most` when little rose."""
    if not posts:
        return []
    scale = _PRIOR / max(usual.posts, 1.0)
    scored: list[tuple[float, str, float]] = []
    for term, count in episode.items():
        if count < _LEAST_COUNT or term in STOP_WORDS:
            continue
        before = usual.counts.get(term, 0)
        prior = before * scale + 0.05
        here, there = count + prior, before + prior
        odds = log(here / (posts + _PRIOR + 1.0 - here)) - log(there / (usual.posts + _PRIOR + 1.0 - there))
        score = odds / sqrt(1.0 / here + 1.0 / there)
        if score > 0.5:
            often, usually = (count + 0.5) / (posts + 1.0), (before + 0.5) / (usual.posts + 1.0)
            scored.append((score, term, round(min(often / usually, _MOST_LIFT), 1)))
    scored.sort(key=lambda found: (-found[0], found[1]))
    return [Rising(term, episode[term], lift) for _, term, lift in scored[:most]]


def rising(episode: Counter[str], posts: int, usual: Usual, most: int = 8) -> list[str]:
    """The words of `rising_terms` alone."""
    return [found.term for found in rising_terms(episode, posts, usual, most)]
